//! Three stories that the demo tells: a shop's licence, a flat, and apples. Every step has its verdict, and what the end is
//! like is proven offline.

mod apples;
mod flat;
mod licence;

use hnchain_crypto::{Digest, sm3_parts};
use hnchain_types::proto::operation::Kind;

/// A step: who does what, and what the chain has to say.
#[derive(Clone, Debug)]
pub struct Step {
    /// Organization that signs.
    pub office: &'static str,
    /// What it does, in Chinese and English.
    pub what: (&'static str, &'static str),
    /// The operation.
    pub operation: Kind,
    /// Code of the refusal that is due; `None` where it is accepted.
    pub refusal: Option<&'static str>,
}

/// What has to be proven of a row when the story is over.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Readable key of the row.
    pub row: String,
    /// JSON pointer into the row, for example `/state`.
    pub pointer: &'static str,
    /// What is there: a text, or anything but null.
    pub value: Option<String>,
    /// For people, in Chinese and English.
    pub what: (&'static str, &'static str),
}

/// A story.
#[derive(Clone, Debug)]
pub struct Story {
    /// Title in Chinese and English.
    pub title: (&'static str, &'static str),
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// What is true in the end.
    pub endings: Vec<Ending>,
}

/// The three stories.
///
/// # Errors
/// An identifier in them is not sound; a test keeps them so.
pub fn all() -> anyhow::Result<[Story; 3]> {
    Ok([licence::story()?, flat::story(), apples::story()])
}

/// A salted commitment that nobody opens: the holders of the stories are invented.
fn commitment(what: &str) -> Vec<u8> {
    let digest: Digest = sm3_parts(&[b"sample story", what.as_bytes()]);
    digest.0.to_vec()
}

const fn step(office: &'static str, what: (&'static str, &'static str), operation: Kind) -> Step {
    Step { office, what, operation, refusal: None }
}

impl Step {
    /// The chain has to refuse it with this code.
    fn refused(self, code: &'static str) -> Self {
        Self { refusal: Some(code), ..self }
    }
}
