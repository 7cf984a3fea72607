// age in JavaScript, for tests/javascript.rs: bytes come on standard input and go to standard output.
//
//   node age.mjs keys                   a new post-quantum identity and its recipient, one on each line
//   node age.mjs encrypt RECIPIENT...   to these recipients
//   node age.mjs decrypt FILE           with the identities in this file
import { readFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// The package lies where `fetch` put it, not beside this file.
const require = createRequire(pathToFileURL(`${process.env.PACKAGES}/`));
const age = await import(pathToFileURL(require.resolve("age-encryption")));

const [verb, ...args] = process.argv.slice(2);
const input = () => new Uint8Array(readFileSync(0));
const output = (bytes) => {
    for (let at = 0; at < bytes.length; at += writeSync(1, bytes, at));
};

if (verb === "keys") {
    const identity = await age.generateHybridIdentity();
    output(new TextEncoder().encode(`${identity}\n${await age.identityToRecipient(identity)}\n`));
} else if (verb === "encrypt") {
    const encrypter = new age.Encrypter();
    args.forEach((recipient) => encrypter.addRecipient(recipient));
    output(await encrypter.encrypt(input()));
} else if (verb === "decrypt") {
    const decrypter = new age.Decrypter();
    const lines = readFileSync(args[0], "utf8").split("\n");
    lines.filter((line) => line.startsWith("AGE-SECRET-KEY-")).forEach((line) => decrypter.addIdentity(line));
    output(await decrypter.decrypt(input()));
} else {
    throw new Error(`no verb ${verb}`);
}
