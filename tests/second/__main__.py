"""The program: `python -m second read|write|keys|vectors`. Its exit codes are those of FORMAT §0.4."""

import argparse
import os
import shutil
import sys

from . import (ageforge, agekeys, container, documents, hashes, keys, manifest, reader, sshsig, tarlines, tools, trees,
               vectors, writer, zstdframe)
from .breach import Breach


def content(path):
    with open(path, "rb") as f:
        return f.read()


def save(path, data):
    with open(path, "wb") as f:
        f.write(data)


def read(args):
    """Everything a full reader checks; without -i what one without a key checks."""
    signers = [s for path in args.signers for s in keys.signers(path)]
    file = content(args.bundle)
    if not args.identity:
        outside = reader.Outside(file, signers).check_all()
        print(f"whole: {outside.ref}")
        return
    identities = [i for path in args.identity for i in keys.identities(path)]
    base = trees.read(args.base) if args.base else None
    how = reader.unpack if args.out else reader.verify
    found, opened = how(file, signers, identities, [content(k) for k in args.key_file], args.compartment, base)
    if args.out:
        trees.write(found, args.out)
    print(f"every file of {len(opened)} compartments: {opened[0].outside.ref}")


def lie(spelled):
    """`STEP=EXPRESSION` of v (the true value) and at; modules of this package are at hand by name."""
    step, _, expression = spelled.partition("=")
    if f"  {step} " not in writer.STEPS:
        raise Breach("usage", f"no step {step}")
    modules = (ageforge, agekeys, container, documents, hashes, manifest, sshsig, tarlines, tools, zstdframe)
    names = {m.__name__.rpartition(".")[2]: m for m in modules}
    return step, eval(f"lambda v, at: {expression}", names)


def write(args):
    """A bundle of one tree."""
    to = [" ".join(r.split()[:2]) for r in args.recipient]      # an SSH key without its comment (§2.3)
    people = [(f"to {i}", r) for i, r in enumerate(to)]
    terms = {"text": content(args.terms).decode()} if args.terms else {}
    entries, line_1, says = trees.read(args.tree), {}, {"expires": args.expires}
    if args.base:
        says["parent"] = args.parent
        entries, line_1["parent"] = writer.delta(entries, trees.read(args.base), None, args.parent)
    part = writer.Compartment(entries, people, args.held, args.volume, args.per_frame, args.level, line_1, terms)
    more = [writer.Compartment(trees.read(tree), people, args.held, args.volume, args.per_frame, args.level)
            for tree in args.and_tree]
    card = content(args.card) if args.card else None
    lies = dict(lie(spelled) for spelled in args.lie)
    plan = writer.Plan([part, *more], args.key, args.name, says=says, created=args.created or writer.now(), card=card)
    bundle = writer.build(plan, lies)
    save(args.out, bundle.file)
    if args.key_file:
        save(args.key_file, bundle.key_file(0, to, args.key[0]))
    print(bundle.ref)


def new_keys(args):
    """identity.txt, signing, signing.pub, recipient, allowed_signers and card in a folder."""
    os.makedirs(args.dir, exist_ok=True)
    at = lambda name: os.path.join(args.dir, name)
    identity = agekeys.new_identity()
    recipient = agekeys.recipient_of(identity)
    with open(os.open(at("identity.txt"), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as f:
        f.write(identity + "\n")
    tools.ssh_new(at("signing"), args.type)
    save(at("recipient"), recipient.encode() + b"\n")
    line = tools.ssh_public(at("signing"))
    save(at("allowed_signers"), f'second namespaces="consign-bundle-v1" {line}\n'.encode())
    save(at("card"), documents.make_card(args.name, "", [recipient], [at("signing")]))
    print(recipient)


def check_page(args):
    """The worked examples of a FORMAT.md."""
    print(f"{vectors.check(content(args.page).decode())} values")


def arguments():
    parser = argparse.ArgumentParser(prog="second")
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("read", help="check a bundle, and write its tree")
    one.add_argument("bundle")
    for name in ("-i/--identity", "--signers", "--key-file"):
        one.add_argument(*name.split("/"), action="append", default=[])
    for name in ("-o/--out", "--base"):
        one.add_argument(*name.split("/"))
    one.add_argument("--compartment", type=int)
    one.set_defaults(run=read)
    two = verbs.add_parser("write", help="make a bundle of a tree")
    two.add_argument("tree")
    for name in ("--key", "--recipient", "--and-tree", "--lie"):
        two.add_argument(name, action="append", default=[])
    for name in ("--card", "--terms", "--base", "--parent", "--expires", "--created", "--key-file"):
        two.add_argument(name)
    two.add_argument("-o", "--out", required=True)
    two.add_argument("--name", default="second-0001")
    two.add_argument("--held", action="store_true")
    for name, default in (("--volume", 4 << 20), ("--per-frame", 1000), ("--level", 3)):
        two.add_argument(name, type=int, default=default)
    two.set_defaults(run=write)
    three = verbs.add_parser("keys", help="keys and a card in a new folder")
    three.add_argument("dir")
    three.add_argument("--name", default="Second Ltd")
    three.add_argument("--type", default="ed25519")
    three.set_defaults(run=new_keys)
    four = verbs.add_parser("vectors", help="compute the worked examples of FORMAT.md again")
    four.add_argument("page")
    four.set_defaults(run=check_page)
    return parser.parse_args()


def main():
    args = arguments()
    for tool in ("age", "zstd", "ssh-keygen"):
        if not shutil.which(tool):
            raise Breach("failed", f"the stock tool {tool} isn't installed")
    args.run(args)


if __name__ == "__main__":
    try:
        main()
    except Breach as e:
        print(f"error[{e.word}]: {e.what}", file=sys.stderr)
        sys.exit(e.code)
    except OSError as e:
        print(f"error[failed]: {e}", file=sys.stderr)
        sys.exit(1)
