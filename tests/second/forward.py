"""What a receiver can do with a bundle it opened: put its own name on it, or pass it on (FORMAT §2.5)."""

from . import container, hashes, tools
from .reader import identity_in
from .strictjson import parse


def taken(file, identity_files, people=None):
    """Each compartment of a bundle as steps for writer.outer(): volumes and manifest as they are, and the key locked
    anew to `people` ((name, recipient) pairs), or left as it is if there are none."""
    members, _ = container.loose(file)
    at = {m["name"]: m["data"] for m in members}
    predicate = parse(at["envelope.json"], "envelope")["predicate"]
    made = []
    for n, says in enumerate(predicate["compartments"]):
        volumes = [m["data"] for m in members if m["name"].startswith(f"c{n}/v")]
        steps = {"volumes": volumes, "manifest_age": at[f"c{n}/manifest.age"], "says": dict(says)}
        steps["key_age"] = at.get(f"c{n}/key.age") or at[f"c{n}/terms.age"]
        for identity in identity_files:
            plain = tools.age_decrypt(identity, steps["key_age"])
            if plain is not None and people and not says["held"]:
                steps["identity_text"] = plain
                steps["identity"] = identity_in(plain, "a key")
                steps["key_age"] = tools.age_encrypt([key for _, key in people], plain)
                steps["says"]["tags"] = hashes.tags(predicate["bundle"], n, [key for _, key in people])
        made.append(steps)
    return predicate, made
