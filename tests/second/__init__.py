"""A second implementation of FORMAT.md, made from that page alone, as a judge of the first one."""
