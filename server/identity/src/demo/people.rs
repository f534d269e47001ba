//! The five people of the demo, in three teams and two offices.

/// Somebody to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    /// The `sub` claim.
    pub subject: &'static str,
    pub name: &'static str,
    /// What they do, for the page.
    pub work: &'static str,
    pub groups: &'static [&'static str],
    /// What to look at as this person, for the page.
    pub try_this: &'static str,
}

/// In the order of the page.
pub const PEOPLE: &[Person] = &[
    Person { subject: "ana", name: "Ana Ruiz", work: "Developer, shop", groups: &["shop-dev"], try_this: "Launch a test on /shop/" },
    Person {
        subject: "ben",
        name: "Ben Okafor",
        work: "Lead, shop",
        groups: &["shop-dev", "shop-leads"],
        try_this: "See who did what, and who was refused what",
    },
    Person { subject: "eli", name: "Eli Tanaka", work: "Developer, search", groups: &["search-dev"], try_this: "See only what is yours" },
    Person { subject: "chris", name: "Chris Lindqvist", work: "Platform engineer", groups: &["platform"], try_this: "Look after all of it" },
    Person { subject: "dora", name: "Dora Weiss", work: "Auditor", groups: &["audit"], try_this: "Read the audit log" },
];

/// The person with this subject.
#[must_use]
pub fn by_subject(subject: &str) -> Option<&'static Person> {
    PEOPLE.iter().find(|person| person.subject == subject)
}
