"""Tar in and out: our own reader and writer, for bytes that nobody has vouched for.

| word | meaning |
| --- | --- |
| tape | a stream of bytes read forwards only, in bounded steps |
| block | 512 bytes, tar's unit |
| header | one block that describes a member; extension headers (pax, GNU long names) describe the next one |
| entry | a member as the user means it: all its headers put together |
| extent | a part of a sparse file that has data |

Names are bytes: what the kernel takes, with no encoding in between.
"""
