//! May this run start: the answer, the button or what stands in its place, and every rule with what it found.

use leptos::prelude::*;
use windfirm_model::{
    run::Profile,
    view::{
        app::Target,
        launch::{Judgement, LaunchForm, RuleRow},
    },
};

use super::{
    Draft,
    fields::{place, profile_id},
};
use crate::{
    href,
    ui::{
        cluster::short_revision,
        format::{counted, digest, duration, subject},
        icon::{icon, inked},
        status::{Tone, status},
        text::rich,
    },
};

/// Asks the guardrails again without starting anything. Written as text: a browser with script does not build what stands in a
/// `noscript`, so hydration must not look for it.
const CHECK: &str = r#"<button class="btn" type="submit" form="launch" formmethod="get" formaction="/launch">Check again</button>"#;

pub(super) fn panel(form: &LaunchForm, draft: Draft) -> AnyView {
    let facts = facts(form, draft);
    let answer = if !form.allowed {
        locked(form)
    } else if form.tests.is_empty() {
        ().into_any()
    } else {
        answer(draft)
    };
    view! {
        <aside class="stick" aria-label="May this run start">
            {answer} {move || draft.judgement.with(|judgement| rules(judgement, draft))} {facts}
        </aside>
    }
    .into_any()
}

/// No button: what stands in its place says who may.
fn locked(form: &LaunchForm) -> AnyView {
    view! {
        <section class="verdict locked one" aria-labelledby="answer">
            <div class="flow">
                <h2 class="st locked" id="answer">{icon("s-locked")} "Locked"</h2>
                <p class="soft">{rich(&form.decision.why)}</p>
                <p class="acts"><a class="btn" href=href::access(&form.path)>"Why"</a></p>
            </div>
        </section>
    }
    .into_any()
}

fn answer(draft: Draft) -> AnyView {
    let may = move || draft.judgement.with(|judgement| judgement.may_start);
    let tone = move || match draft.judgement.with(|judgement| (judgement.may_start, judgement.pending)) {
        (true, _) => (Tone::Pass, "May start"),
        (false, true) => (Tone::Running, "k6 is being asked"),
        (false, false) => (Tone::Fail, "May not start like this"),
    };
    let class = move || format!("verdict {} one", tone().0.class());
    let pending = draft.launch.pending();
    // Without script the button stays open: the server judges again, and a refused form comes back with everything kept.
    let closed = move || pending.get() || (draft.scripted.get() && !may());
    let sentence = move || draft.judgement.with(|judgement| rich(&judgement.sentence));
    // What is wrong with no field, and so stands beside none: no change of the form helps.
    let beyond = move || {
        let told = draft.judgement.with(|judgement| judgement.fields.iter().find(|(field, _)| field.is_empty()).map(|(_, sentence)| sentence.clone()));
        told.map(|sentence| view! { <p>{rich(&sentence)}</p> })
    };
    let waits = move || draft.request.with(|request| !request.after.is_empty());
    let title = move || status(tone().0, tone().1);
    let later = move || {
        let unanswered = draft.judgement.with(|judgement| judgement.pending);
        unanswered.then(|| view! { <p class="soft">"The answer comes here by itself as soon as it is there. Without script, check again in a moment."</p> })
    };
    view! {
        <section class=class aria-labelledby="answer" aria-live="polite" aria-busy=move || draft.asking.get().then_some("true")>
            <div class="flow">
                <h2 id="answer">{title}</h2>
                <p class="soft">{sentence}</p>
                {beyond}
                {later}
                {move || {
                    draft.stale.get().then(|| view! { <p class="soft">"The guardrails could not be asked just now; this is their last answer. They judge again when you run."</p> })
                }}
                <p class="acts">
                    <button class="btn go" type="submit" form="launch" disabled=closed>
                        {icon("play")}
                        {move || if pending.get() { "Starting" } else if waits() { "Run when it changes" } else { "Run" }}
                    </button>
                    <noscript inner_html=CHECK></noscript>
                </p>
            </div>
        </section>
    }
    .into_any()
}

fn rules(judgement: &Judgement, draft: Draft) -> AnyView {
    let list = if judgement.pending {
        view! { <p class="note">"They judge as soon as k6 has said what the script does."</p> }.into_any()
    } else if judgement.max_vus.is_none() {
        view! { <p class="note">"They judge what k6 would do with this form, and that is not known: k6 is asked for who may launch here, and when it can read script and fields."</p> }.into_any()
    } else if judgement.rules.is_empty() {
        view! { <p class="note">"No guardrail of the policy covers this app."</p> }.into_any()
    } else {
        view! { <ul class="rules">{judgement.rules.iter().map(rule).collect_view()}</ul> }.into_any()
    };
    view! {
        <section class="sec" aria-labelledby="guardrails">
            <div class="sec-head">
                <h2 id="guardrails">"Guardrails"</h2>
                <span class="meta">"policy " {digest(&judgement.policy_digest)}</span>
            </div>
            {list} {way_out(judgement, draft)}
        </section>
    }
    .into_any()
}

/// Where the script's own load breaks a rule: the profiles that put another one in its place. As buttons of the form, so that what
/// was typed stays, with and without script.
fn way_out(judgement: &Judgement, draft: Draft) -> AnyView {
    let too_much = judgement.rules.iter().any(|rule| !rule.kept && matches!(rule.kind.as_str(), "max_vus" | "max_duration"));
    (move || {
        let as_scripted = draft.request.with(|request| Profile::parse(&request.profile).unwrap_or_default() == Profile::Script);
        (too_much && as_scripted).then(|| {
            view! {
                <p class="note">
                    {rich("The profile `script` takes virtual users and duration from the script. With `load` you choose both; `smoke` is 1 VU for 10 s.")}
                </p>
                <p class="acts">{[Profile::Load, Profile::Smoke].map(|profile| choose(profile, draft)).collect_view()}</p>
            }
        })
    })
    .into_any()
}

/// Without script: the form is sent to be checked, and `profile` outweighs what is chosen in it.
fn choose(profile: Profile, draft: Draft) -> AnyView {
    let word = profile.word();
    let chosen = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        draft.request.update(|request| word.clone_into(&mut request.profile));
        // The button goes; the focus stands where the choice is.
        crate::platform::focus(&profile_id(profile));
    };
    view! {
        <button class="btn sm" type="submit" form="launch" formmethod="get" formaction="/launch" name="profile" value=word on:click=chosen>
            {format!("Choose {word}")}
        </button>
    }
    .into_any()
}

fn rule(row: &RuleRow) -> AnyView {
    let (tone, word) = if row.kept { (Tone::Pass, "kept: ") } else { (Tone::Fail, "broken: ") };
    let sentence = (!row.kept && !row.sentence.is_empty()).then(|| view! { <span class="sub broken">{rich(&row.sentence)}</span> });
    view! {
        <li>
            {inked(tone.icon(), tone.class())} <span><span class="vh">{word}</span>{row.title.clone()}</span> <span class="fact">{row.fact.clone()}</span> {sentence}
            <span class="sub">{rich(&row.from)}</span>
        </li>
    }
    .into_any()
}

fn facts(form: &LaunchForm, draft: Draft) -> AnyView {
    let target = match &form.target {
        Target::Known { url, from } => view! { <dd><code>{url.clone()}</code> <span class="from">{rich(from)}</span></dd> }.into_any(),
        Target::Missing { why } => view! { <dd>{inked("s-fail", "fail")} " none" <span class="from">{rich(why)}</span></dd> }.into_any(),
    };
    let account = form.decision.service_account.clone().map(|account| view! { <dt>"Acts as"</dt><dd><code>{account}</code></dd> });
    let grant = form.decision.grant.clone().map(|grant| view! { <dt>"Grant"</dt><dd>{grant}</dd> });
    let place_of = form.cluster.clone().map(|cluster| view! { <dt>"Cluster"</dt><dd>{cluster}</dd> });
    let secrets = (!form.secrets.is_empty()).then(|| {
        let given = form
            .secrets
            .iter()
            .map(|given| view! { <li><code>{given.variable.clone()}</code> <span class="from">{format!("key {} of {}", given.key, given.secret)}</span></li> });
        view! { <dt>"Secrets"</dt><dd><ul>{given.collect_view()}</ul></dd> }
    });
    let tests = form.tests_at.clone().map(|commit| {
        view! { <dt>"Test from"</dt><dd><code title=commit.clone()>{short_revision(&commit)}</code> <span class="from">"the commit that runs in the cluster"</span></dd> }
    });
    let not_from_it = form.tests_problem.clone().map(|why| view! { <span class="sub">{why}</span> });
    let queue = move || {
        if draft.judgement.with(|judgement| judgement.fields.iter().any(|(field, _)| field.is_empty())) {
            "nothing is started here right now"
        } else if draft.request.with(|request| !request.after.is_empty()) {
            "it waits for the Secret first, without a place"
        } else {
            draft.judgement.with(|judgement| place(judgement.waits))
        }
    };
    let plan = move || {
        draft.judgement.with(|judgement| match (judgement.max_vus, judgement.duration_s) {
            (Some(vus), Some(most)) => {
                let vus = counted(u64::from(vus), "VU", "VUs");
                let planned = judgement.planned_s.filter(|planned| *planned < most).map(|planned| format!("{}, ", duration(planned))).unwrap_or_default();
                format!("{planned}at most {} with {vus}", duration(most))
            }
            (Some(vus), None) => format!("at most {}, no end known", counted(u64::from(vus), "VU", "VUs")),
            (None, _) => "not known".to_owned(),
        })
    };
    view! {
        <section class="sec" aria-labelledby="facts">
            <div class="sec-head"><h2 id="facts">"What would happen"</h2></div>
            <dl class="facts">
                <dt>"Target"</dt>
                {target} {place_of} <dt>"k6"</dt> <dd>{plan}</dd> <dt>"Queue"</dt> <dd>{queue}</dd> {account} {grant} {secrets}
                <dt>"Tree"</dt>
                <dd><code>{digest(&form.revision.commit)}</code> " " {subject(&form.revision)} {not_from_it}</dd>
                {tests}
            </dl>
        </section>
    }
    .into_any()
}
