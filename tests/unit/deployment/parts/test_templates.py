"""Templates: what becomes of them, and that they reach nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from dean_airflow.deployment.description.deployment import read_deployment
from dean_airflow.deployment.templates.render import render_templates, render_texts
from dean_airflow.errors import DeploymentError

VARIABLES = {"name": "api", "port": 8000, "hosts": ["a", "b"], "tls": {"on": True}, "secret": "zK8!wq-canary"}


def rendered(text: str) -> str:
    return render_texts([("conf/app.j2", text)], VARIABLES)[0]


def refused(text: str) -> str:
    with pytest.raises(DeploymentError) as raised:
        rendered(text)
    assert VARIABLES["secret"] not in str(raised.value)
    return str(raised.value)


def test_what_a_template_may_do():
    text = (
        "{{ name }}:{{ port + 1 }}\n{% for host in hosts %}{{ host|upper }} {% endfor %}\n{% if tls.on %}s{% endif %}\n"
    )

    assert rendered(text) == "api:8001\nA B \ns\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("one\n{{ missing }}", "conf/app.j2:2: the template names `missing`, which is not defined"),
        ("\n\n{% if missing %}{% endif %}", "conf/app.j2:3: the template names `missing`"),
        ("{{ tls.key }}", "conf/app.j2:1: the template names `key`"),
        ("{{ tls[secret] }}", "conf/app.j2:1: the template names `?`"),
        ("a\n{% for x in hosts %}", "conf/app.j2:2: the template cannot be read"),
        ("{{ name ", "conf/app.j2:1: the template cannot be read"),
        ("{{ secret + 1 }}", "conf/app.j2:1: the template cannot be rendered"),
    ],
)
def test_a_mistake_has_its_line(text: str, sentence: str):
    assert refused(text).startswith(sentence)


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ name.__init__.__globals__ }}",
        "{{ ''['__class__'] }}",
        "{{ ''|attr('__class__') }}",
        "{{ '{0.__class__}'.format(name) }}",
        "{{ hosts.append.__self__ }}",
        "{{ hosts.append('x') }}",
        "{{ cycler.__init__.__globals__.os.popen('id') }}",
        "{{ self.__init__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ lipsum }}{{ range }}",
        "{% include '/etc/passwd' %}",
        "{% import '/etc/passwd' as x %}",
        "{% extends '/etc/passwd' %}",
        "{{ ().__class__.__bases__[0].__subclasses__() }}",
        "{{ hosts|map(attribute='__class__')|join }}",
    ],
)
def test_the_system_is_not_reached(text: str):
    assert refused(text).startswith("conf/app.j2")


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'a' * 10**10 }}",
        "{{ 'a' * 5000000 }}",
        "{{ 9**(9**9) }}",
        "{{ '%0999999999d'|format(1) }}",
        "{% for a in 'x' * 100000 %}{% for b in 'x' * 100000 %}{% endfor %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    ],
)
def test_size_and_time_are_bounded(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("dean_airflow.deployment.templates.render.SECONDS", 1)

    assert refused(text).startswith("conf/app.j2")


def test_the_templates_of_a_deployment(deployment):
    root = deployment(
        {
            "dean-deployment.yaml": (
                "backend: process\ntemplate_vars: {port: 9000, name: web}\ntemplates: [conf/app.ini.j2]\n"
            ),
            "conf/app.ini.j2": "[{{ name }}]\nport = {{ port }}\nkey = {{ KEY }}\n",
        }
    )
    (found,) = render_templates(read_deployment(root), {"KEY": "k1", "name": "api"})

    assert (found.name, found.template) == ("conf/app.ini", "conf/app.ini.j2")
    assert found.text == "[api]\nport = 9000\nkey = k1\n"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("templates: [conf/none.j2]", "is missing"),
        ("templates: [conf/app.ini]", "must end in .j2"),
        ("templates: [../outside.j2]", "lies outside the deployment"),
        ("templates: [link.j2]", "lies outside the deployment"),
        ("templates: [huge.j2]", "is missing, or is no file that can be read"),
        ("templates: [conf/app.ini.j2]\ntemplate_vars: [1]", "`template_vars` must be a mapping"),
    ],
)
def test_what_cannot_be_rendered(deployment, tmp_path: Path, line: str, sentence: str):
    root = deployment({"dean-deployment.yaml": f"backend: process\n{line}\n", "conf/app.ini.j2": "x"})
    (tmp_path / "outside.j2").write_text("x")
    (root / "link.j2").symlink_to(tmp_path / "outside.j2")
    (root / "huge.j2").write_bytes(b"x" * (4 * 1024 * 1024 + 1))

    with pytest.raises(DeploymentError, match=sentence) as raised:
        render_templates(read_deployment(root), {})

    assert str(raised.value).startswith("dean-deployment.yaml:")
