//! The packages: trees of well-known projects, and scanners whose own tests hold samples. Their clients get them, by
//! version; what they got must have the hash that stands here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use consign::crypto::digest;

use crate::Result;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    Pip,
    Npm,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Tree,
    Samples,
}

struct Package {
    client: Client,
    purpose: Use,
    name: &'static str,
    version: &'static str,
    file: &'static str,
    /// H of the file.
    hash: &'static str,
}

const fn pip(
    purpose: Use,
    name: &'static str,
    version: &'static str,
    file: &'static str,
    hash: &'static str,
) -> Package {
    Package { client: Client::Pip, purpose, name, version, file, hash }
}

const fn npm(name: &'static str, version: &'static str, file: &'static str, hash: &'static str) -> Package {
    Package { client: Client::Npm, purpose: Use::Tree, name, version, file, hash }
}

const PACKAGES: [Package; 10] = [
    pip(
        Use::Tree,
        "django",
        "5.2",
        "Django-5.2.tar.gz",
        "9cf2eb096bb26d8d9a3ca6cfed6ac055cd8de06d90238af937004dc195b07641",
    ),
    pip(
        Use::Tree,
        "aiohttp",
        "3.11.14",
        "aiohttp-3.11.14.tar.gz",
        "fd7d1864a021b3d96168043a561f988d8205d13f1dc52d5ace1f715639143c17",
    ),
    npm(
        "typescript",
        "5.8.2",
        "typescript-5.8.2.tgz",
        "7b5ff900e5ae095b5805a163cf843cacbb02d8e80da9c10c5371e43a57843a54",
    ),
    npm("three", "0.174.0", "three-0.174.0.tgz", "9a4a219545fa99913e637411ee4c74620dc2d3a907d201ca56b4ce11a1bd741c"),
    npm("webpack", "5.98.0", "webpack-5.98.0.tgz", "47d85b60db2d16f0a45f3265d3db4bacc02ea4a2e37a5e394aeb4333f223778e"),
    pip(
        Use::Samples,
        "keyburn",
        "0.1.9",
        "keyburn-0.1.9.tar.gz",
        "455ab8c6cbe5a9c8cee9273c90c7154eac9a0af745ad97ed3400e7271b007c24",
    ),
    pip(
        Use::Samples,
        "leakscan",
        "0.4.0",
        "leakscan-0.4.0.tar.gz",
        "986aac4302e4500a99d9c9e54d42a847039504cef9a4bbe5b08b6a945e524752",
    ),
    pip(
        Use::Samples,
        "entro-scan",
        "1.2.4",
        "entro_scan-1.2.4.tar.gz",
        "7d6e926884f54a99b6a14499337d9e0a42af8f5354470be62ccf3556ea0d168e",
    ),
    pip(
        Use::Samples,
        "keychase",
        "0.1.3",
        "keychase-0.1.3.tar.gz",
        "c358fcd7ba9a66a9eefa58fd393944757c50777cd96d1b6d1aafa7979ef5cd63",
    ),
    pip(
        Use::Samples,
        "hush-scan",
        "0.1.0",
        "hush_scan-0.1.0.tar.gz",
        "a659b8a79651254d36bbc4588857f41bec3c33fa421f54991039422942e25bde",
    ),
];

/// Crates, which `cargo vendor` compares with the hashes of its index.
const CRATES: [(&str, &str, Use); 2] = [("tokio", "1.44.1", Use::Tree), ("kingfisher-rules", "3.0.1", Use::Samples)];

/// The trees that are there.
pub fn trees(data: &Path) -> Vec<(String, PathBuf)> {
    there(data, Use::Tree)
}

/// The scanners that are there.
pub fn scanners(data: &Path) -> Vec<(String, PathBuf)> {
    there(data, Use::Samples)
}

fn there(data: &Path, purpose: Use) -> Vec<(String, PathBuf)> {
    let packages = PACKAGES.iter().filter(|p| p.purpose == purpose).map(|p| (p.name, p.version, data.join(p.name)));
    let crates = CRATES.iter().filter(|c| c.2 == purpose).map(|c| (c.0, c.1, data.join("vendor").join(c.0)));
    let all = packages.chain(crates).map(|(name, version, folder)| (format!("{name} {version}"), folder));
    all.filter(|(_, folder)| folder.is_dir()).collect()
}

/// Gets all that isn't there.
pub fn all(data: &Path) -> Result<()> {
    fs::create_dir_all(data).map_err(|e| format!("{}: {e}", data.display()))?;
    PACKAGES.iter().try_for_each(|package| one(data, package))?;
    vendor(data)
}

fn done(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|e| format!("{command:?}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}")) }
}

fn one(data: &Path, package: &Package) -> Result<()> {
    let (file, folder) = (data.join(package.file), data.join(package.name));
    if folder.is_dir() {
        return Ok(());
    }
    if !file.is_file() {
        match package.client {
            Client::Pip => done(
                Command::new("pip")
                    .args(["download", "-q", "--no-deps", "--no-binary", ":all:", "-d", "."])
                    .arg(format!("{}=={}", package.name, package.version))
                    .current_dir(data),
            )?,
            Client::Npm => {
                let what = format!("{}@{}", package.name, package.version);
                done(Command::new("npm").args(["pack", "-s", &what]).current_dir(data))?;
            }
        }
    }
    let bytes = fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    if digest(&bytes).to_string() != package.hash {
        return Err(format!("{} is not what it was: its hash is {}", file.display(), digest(&bytes)));
    }
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    done(Command::new("tar").arg("xf").arg(&file).args(["--strip-components=1", "-C"]).arg(&folder))
}

fn vendor(data: &Path) -> Result<()> {
    let (home, target) = (data.join("crates"), data.join("vendor"));
    if target.is_dir() {
        return Ok(());
    }
    let wanted: String = CRATES.iter().map(|(name, version, _)| format!("{name} = \"={version}\"\n")).collect();
    let manifest = format!(
        "[package]\nname = \"wanted\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n{wanted}"
    );
    fs::create_dir_all(home.join("src")).map_err(|e| format!("{}: {e}", home.display()))?;
    for (name, text) in [("Cargo.toml", manifest.as_str()), ("src/lib.rs", "")] {
        fs::write(home.join(name), text).map_err(|e| format!("{}: {e}", home.display()))?;
    }
    let target = fs::canonicalize(data).map_err(|e| format!("{}: {e}", data.display()))?.join("vendor");
    done(Command::new("cargo").args(["vendor", "-q"]).arg(target).current_dir(home).stdout(std::process::Stdio::null()))
}
