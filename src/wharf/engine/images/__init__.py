"""Images: records, names, and the ways in and out.

| word | meaning |
| --- | --- |
| image | a config document and the layers it names; its id is the SHA-256 of the document's bytes |
| name | a reference with a tag, or with the digest of a manifest, that leads to an image |
| dangling | without a name and without an image that was made from it |
| catalog | all images and names, in memory as in the database |
"""
