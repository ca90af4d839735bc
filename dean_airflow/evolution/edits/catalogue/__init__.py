"""Transformations that make Python faster and keep its behaviour, each with the conditions checked before it is made.

To add a kind: write `kinds/<name>.py` with a `Kind` subclass whose docstring says what it does, when it is safe, and
shows before and after; let `find` yield a `Match` per safe place (use `Function` for scopes and names, `analysis/` for
purity and order of evaluation, `Rewriter` for the change); end the file with `KIND = <Class>()`; add
`tests/unit/evolution/edits/catalogue/test_<name>.py`. The registry finds it. What cannot be proven gets
`label = "behavioural"`.

Assumed by all: nobody outside rebinds a module's globals or patches `builtins`; nothing reads this function's frame,
bytecode or line numbers; operators of built-in types are not observed (`__eq__` and the like of user types may be:
they run in the same order, as often).
"""
