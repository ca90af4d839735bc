"""What a deployment directory says, before anything is judged.

`tree` reads files, `yaml_file` and `dotenv` parse them with their lines, `compose` merges the compose project,
`service` and `environment` are the typed views that checks work with, `deployment` holds it all.
"""
