//! The share bar: how many of each. The words carry the numbers; the bar is for the eye alone.

use leptos::prelude::*;

use super::status::{Tone, status_plain};

/// One kind, how many, and the word behind the number.
pub type Share = (Tone, u32, &'static str);

/// The width of the bar in units of its view box.
const WIDTH: u64 = 1_000;
/// Taken from the end of each part, so that two of them do not touch.
const GAP: u64 = 3;

/// The bar and its words. Kinds with none are left out; none at all draws nothing.
#[must_use]
pub fn share(label: &'static str, kinds: &[Share]) -> AnyView {
    let kinds: Vec<Share> = kinds.iter().copied().filter(|(_, count, _)| *count > 0).collect();
    if kinds.is_empty() {
        return ().into_any();
    }
    let bars = slices(&kinds)
        .into_iter()
        .map(|(tone, x, width)| view! { <path class=format!("fill {}", tone.class()) d=format!("M{x} 0h{width}v6h-{width}z") /> })
        .collect_view();
    let words = kinds.iter().map(|(tone, count, word)| view! { <li>{status_plain(*tone, format!("{count} {word}"))}</li> }).collect_view();
    view! {
        <div class="share" aria-hidden="true">
            <svg viewBox="0 0 1000 6" preserveAspectRatio="none">{bars}</svg>
        </div>
        <ul class="share-key" aria-label=label>{words}</ul>
    }
    .into_any()
}

/// Each kind as x and width.
fn slices(kinds: &[Share]) -> Vec<(Tone, u64, u64)> {
    let all = kinds.iter().map(|(_, count, _)| u64::from(*count)).sum::<u64>().max(1);
    let mut before = 0_u64;
    kinds
        .iter()
        .map(|(tone, count, _)| {
            let x = before * WIDTH / all;
            before += u64::from(*count);
            (*tone, x, (before * WIDTH / all).saturating_sub(x).saturating_sub(GAP).max(1))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_its_width_and_hides_no_kind() {
        assert_eq!(slices(&[(Tone::Pass, 1, "a"), (Tone::Fail, 1, "b")]), [(Tone::Pass, 0, 497), (Tone::Fail, 500, 497)]);
        assert!(slices(&[(Tone::Pass, 100_000, "a"), (Tone::Fail, 1, "b")]).iter().all(|(.., width)| *width > 0));
    }
}
