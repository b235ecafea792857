"""Holds manifests to the schemas of a version of Kubernetes, strictly: a key that the schema does not have is an error.

    validate.py VERSION FILE...

Prints one line for each fault, and at the end how many documents were held to a schema. Custom resources have none here.
"""

import sys

import kubernetes_validate
import yaml

CUSTOM = ("monitoring.coreos.com/",)


def main(version, files):
    checked, faults = 0, 0
    for file in files:
        with open(file, encoding="utf-8") as text:
            for document in yaml.safe_load_all(text):
                if document is None or document["apiVersion"].startswith(CUSTOM):
                    continue
                checked += 1
                try:
                    kubernetes_validate.validate(document, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    faults += 1
                    name = document.get("metadata", {}).get("name")
                    print(f"{file}: {document['kind']} {name}: {list(error.path)}: {error.message}")
                except kubernetes_validate.SchemaNotFoundError as error:
                    faults += 1
                    print(f"{file}: {error}")
    print(f"{checked} documents checked")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
