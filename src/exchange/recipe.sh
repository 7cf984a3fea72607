set -euo pipefail; mkdir b out; tar -xf {file} -C b; cd b      # first make allowed_signers (cover note, README.txt)
ssh-keygen -Y verify -f ../allowed_signers -I {signer} -n consign-bundle-v1 -s envelope.json.sig < envelope.json
grep -q "$(b3sum --no-names B3SUMS)" envelope.json
b3sum --check --quiet B3SUMS
(umask 077; age -d -i ../my.key c0/key.age > c0.key)
age -d -i c0.key c0/manifest.age > manifest.zst; grep -q "$(b3sum --no-names manifest.zst)" envelope.json
zstd -dc manifest.zst | sed -n 1,2p                                         # the sender, the receivers, the terms
cut -c 67- B3SUMS | grep '^c0/v' | while read -r v; do age -d -i c0.key "$v" || exit; done | zstd -d | tar -x -C ../out
