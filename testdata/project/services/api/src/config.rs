// SPDX-License-Identifier: LicenseRef-Northwind

// Settings come from the command line only. An environment variable that
// nobody remembers has caused more trouble than any flag.

use crate::error::Error;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where to listen, as `host:port`.
    pub bind: String,
    /// How many parcels one page holds.
    pub page_size: usize,
}

impl Default for Config {
    fn default() -> Self {
        // Only this machine may connect unless somebody says otherwise.
        Config { bind: "127.0.0.1:8080".to_string(), page_size: 50 }
    }
}

impl Config {
    /// Reads `--bind HOST:PORT` and `--page-size N`. A flag that is given twice
    /// is an error, because the second one is usually a mistake.
    pub fn from_args(args: impl Iterator<Item = String>) -> Result<Config, Error> {
        let mut config = Config::default();
        let mut seen: Vec<String> = Vec::new();
        let mut args = args;
        while let Some(flag) = args.next() {
            if seen.contains(&flag) {
                return Err(Error::Setting(format!("{flag} is given twice")));
            }
            let value = args
                .next()
                .ok_or_else(|| Error::Setting(format!("{flag} needs a value")))?;
            match flag.as_str() {
                "--bind" => config.bind = value,
                "--page-size" => config.page_size = page_size(&value)?,
                _ => return Err(Error::Setting(format!("{flag} is not known"))),
            }
            seen.push(flag);
        }
        Ok(config)
    }
}

// A page of zero parcels would make a shop ask for ever, and a page of a
// million would make it wait for ever. Both are refused here.
fn page_size(value: &str) -> Result<usize, Error> {
    match value.parse() {
        Ok(size @ 1..=500) => Ok(size),
        _ => Err(Error::Setting("--page-size must be 1 to 500".to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Config, Error> {
        Config::from_args(line.split_whitespace().map(str::to_string))
    }

    #[test]
    fn no_flags_give_the_defaults() {
        assert_eq!(read("").unwrap(), Config::default());
    }

    #[test]
    fn an_empty_page_is_refused() {
        assert!(read("--page-size 0").is_err());
        assert!(read("--page-size 10 --page-size 10").is_err());
    }
}
