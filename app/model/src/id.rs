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

fn short(id: Uuid) -> String {
    const ALPHABET: [char; 32] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm', 'n', 'p', 'q', 'r', 's', 't', 'v', 'w', 'x',
        'y', 'z',
    ];
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
}
