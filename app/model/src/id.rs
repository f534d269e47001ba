//! Identifiers. Each is a UUIDv7 made by the injected [`crate::clock::Clock`], so that rows sort by time.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Six characters for people: the random tail of the id, base 32 without look-alikes. Not unique; links carry the whole id.
            /// [`ShortId`] reads them back.
            #[must_use]
            pub fn short(&self) -> String {
                short(self.0)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.simple())
            }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id!(/// One launch by one actor: what people share as a link.
    RunId);
id!(/// One k6 execution of one test against one app within a run.
    ExecutionId);
id!(/// One permitted action, from intent to outcome.
    OperationId);
id!(/// One process of the portal, from its start to its end.
    PortalId);

const ALPHABET: [char; 32] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm', 'n', 'p', 'q', 'r', 's', 't', 'v', 'w', 'x', 'y',
    'z',
];

/// The six characters that people know an id by, as they typed them: the last 30 bits of the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortId(u32);

impl ShortId {
    /// The last 32 bits of every id that is called so: two of them do not show.
    #[must_use]
    pub fn tails(self) -> [u32; 4] {
        [0, 1, 2, 3].map(|hidden| hidden << 30 | self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a short id has six letters and digits, without i, l, o and u")]
pub struct NotShort;

impl FromStr for ShortId {
    type Err = NotShort;
    /// The least bits stand first. Capital letters mean the same.
    fn from_str(text: &str) -> Result<Self, NotShort> {
        if text.chars().count() != 6 {
            return Err(NotShort);
        }
        let bits = |letter: char| ALPHABET.iter().zip(0_u32..).find(|(other, _)| **other == letter.to_ascii_lowercase()).map(|(_, bits)| bits);
        text.chars().rev().try_fold(0, |rest, letter| Some(rest << 5 | bits(letter)?)).map(Self).ok_or(NotShort)
    }
}

fn short(id: Uuid) -> String {
    let mut rest = id.as_u128();
    let mut text = String::with_capacity(6);
    for _ in 0..6 {
        let five_bits = usize::try_from(rest & 31).unwrap_or_default();
        text.extend(ALPHABET.get(five_bits));
        rest >>= 5;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = RunId(Uuid::from_u128(0x0193_5c7e_8b1a_7000_8000_1234_5678_9abc));
        assert_eq!(id.to_string().parse::<RunId>(), Ok(id));
        assert_eq!(id.short().len(), 6);
    }

    #[test]
    fn a_short_id_leads_back_to_the_tail_of_its_id() {
        for tail in [0, 1, 0x5678_9abc, 0x8000_0000, u32::MAX] {
            let id = RunId(Uuid::from_u128(0x0193_5c7e_8b1a_7000_8000_1234_0000_0000 | u128::from(tail)));
            let short: ShortId = id.short().parse().unwrap();
            assert!(short.tails().contains(&tail), "{tail:x}");
            assert_eq!(id.short().to_uppercase().parse(), Ok(short));
        }
        for wrong in ["", "90gjc", "90gjcvv", "90gjco", "90-jcv", "ääääää", "01935c7e8b1a70008000123456789abc"] {
            assert_eq!(wrong.parse::<ShortId>(), Err(NotShort), "{wrong}");
        }
    }
}
