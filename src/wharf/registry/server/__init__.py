"""A registry: the OCI distribution specification 1.1 over a plain folder.

| word | meaning |
| --- | --- |
| repository | a name with blobs and manifests linked into it; what is not linked cannot be seen from there |
| link | an empty or tiny file that says that a repository has a blob, a manifest, or a tag |
| upload | a blob that is coming, known by an id only |
"""
