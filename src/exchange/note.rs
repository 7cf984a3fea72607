//! The words that travel with a bundle: `README.txt` inside it, and the cover note beside it. Both tell a person
//! what to type, with consign and with stock tools (FORMAT §7).

use crate::crypto::PublicKey;

use super::Result;

/// What the words are about.
pub struct Note<'a> {
    /// The name of the bundle's file.
    pub file: &'a str,
    /// The sender, as it calls itself.
    pub sender: &'a str,
    /// The key that signs.
    pub signer: &'a PublicKey,
    /// How many files; none where each receiver gets its own, and nobody is told of the others'.
    pub files: Option<u64>,
    /// How many parts there are, each with keys of its own.
    pub parts: usize,
    /// Whether the sender's card is in the bundle.
    pub card: bool,
}

/// The recipe of FORMAT §7, word for word, for a bundle's file and a signer of these names.
#[must_use]
pub fn recipe(file: &str, signer: &str) -> String {
    RECIPE.replace("{file}", &quoted(file)).replace("{signer}", signer)
}

/// A file name as a shell takes it for one word.
fn quoted(file: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    let safe = !file.starts_with('-') && file.chars().all(plain);
    if safe { file.to_owned() } else { format!("'./{}'", file.replace('\'', "'\\''")) }
}

const RECIPE: &str = include_str!("recipe.sh");

/// A short name for the signer in `allowed_signers`: lower-case letters and digits of its first word.
#[must_use]
pub fn principal(sender: &str) -> String {
    let word = sender.split(|c: char| !c.is_ascii_alphanumeric()).find(|w| !w.is_empty()).unwrap_or("sender");
    word.chars().take(40).collect::<String>().to_ascii_lowercase()
}

impl Note<'_> {
    fn allowed_signers(&self) -> Result<String> {
        let line = self.signer.line()?;
        Ok(format!("{} namespaces=\"consign-bundle-v1\" {line}", principal(self.sender)))
    }

    /// Which part is the reader's, where there are several.
    fn which_part(&self) -> String {
        match self.parts {
            0 | 1 => String::new(),
            many => format!(
                "It has {many} parts, c0 to c{}, each for other receivers. If your key does not open\n\
                 c0/key.age, yours is another one: put c1 (or c2, ...) in place of every c0.\n\n",
                many - 1
            ),
        }
    }

    /// `README.txt` after its first line. It can be read before anything is trusted, so it promises nothing.
    ///
    /// # Errors
    /// When the key can't be encoded.
    pub fn readme(&self) -> Result<String> {
        Ok(format!(
            "\n\
             This file is a signed and encrypted bundle. With consign:\n\n\
             \x20 consign verify {file}\n\
             \x20 consign unpack {file}\n\n\
             By hand, with stock tools (bash, tar, ssh-keygen, b3sum, age, zstd). Put the sender's\n\
             line, from the cover note or from a call, never from here alone, into allowed_signers:\n\n\
             {allowed}\n\n\
             {which}\
             {recipe}",
            file = self.file,
            allowed = self.allowed_signers()?,
            which = self.which_part(),
            recipe = recipe(self.file, &principal(self.sender)),
        ))
    }

    /// The cover note, for a mail or a chat, with the six check words of the key that signs.
    ///
    /// # Errors
    /// When the key can't be encoded.
    pub fn cover(&self, words: &str) -> Result<String> {
        let files = match self.files {
            Some(1) => "1 file".to_owned(),
            Some(many) => format!("{many} files"),
            None => "files".to_owned(),
        };
        let from = if self.card {
            format!(
                "1. Once: call {sender} on a number you already have, and compare these six words:\n\n\
                 \x20    {words}\n\n\
                 \x20  The same? Then type, and answer yes:\n\n\
                 \x20    consign partner add {file}\n\n\
                 2. Open it:\n\n",
                sender = self.sender,
                file = self.file
            )
        } else {
            format!(
                "Its signing key has these six check words; compare them on a call:\n\n\
                 \x20    {words}\n\n\
                 The same? Then put the allowed_signers line below into a file of that name, add\n\
                 \x20 --signer allowed_signers  to this, and open it:\n\n"
            )
        };
        Ok(format!(
            "{file}: {files} from {sender}, locked to you and signed.\n\n\
             {from}\
             \x20    consign unpack {file}\n\n\
             \x20  With an SSH or age key of yours instead of a consign key: add  -i FILE\n\n\
             Without consign, with stock tools (bash, tar, ssh-keygen, b3sum, age, zstd): put this\n\
             line into a file named allowed_signers beside the bundle, your key into my.key,\n\
             and run what follows. It stops if anything is not as {sender} signed it.\n\n\
             {allowed}\n\n\
             {which}\
             {recipe}",
            file = self.file,
            sender = self.sender,
            allowed = self.allowed_signers()?,
            which = self.which_part(),
            recipe = recipe(self.file, &principal(self.sender)),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recipe_is_the_one_of_the_format_page() {
        let page = include_str!("../../docs/FORMAT.md");
        let block = page.split("```bash\n").nth(1).and_then(|b| b.split("```").next()).unwrap();
        assert_eq!(recipe("acme-0007.consign", "northwind"), block);
    }
}
