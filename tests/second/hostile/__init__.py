"""Hostile bundles: a catalogue of lies, what each breaks, and what a reader must say of it.

`python -m second.hostile DIR` writes all of them, with an index; tests/hostile.rs shows them to the binary.
"""
