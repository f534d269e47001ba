//! What must not compile: a permit or an access that the policy has not made, and a permit used for another action.

#[test]
fn permits_and_access_cannot_be_forged() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/cannot/*.rs");
}
