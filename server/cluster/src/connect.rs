//! From a source to a client. The only place that makes one, from nothing but what the configuration names.

use std::{
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
    time::Duration,
};

use kube::{
    Client, Config,
    client::ClientBuilder,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};

use crate::clusters::Source;

/// How long a connection may take to come about.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// A client as the portal itself, and what it was made from.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// A hash of the kubeconfig's text: another text makes another client. In a pod, kube reads the token again by itself.
    pub(crate) made_from: u64,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// Errors are words for people; none has anything of a file's content in it.
pub(crate) async fn connect(source: &Source, known: Option<&Connection>) -> Result<Connection, String> {
    let (mut config, made_from) = match source {
        Source::InCluster => {
            (Config::incluster_env().map_err(|error| format!("the portal does not run in a pod of it, or has no service account there ({error})"))?, 0)
        }
        Source::Kubeconfig { file, context } => {
            let (kubeconfig, made_from) = read(file.clone()).await?;
            if let Some(known) = known.filter(|known| known.made_from == made_from) {
                return Ok(known.clone());
            }
            (choose(kubeconfig, file, context.as_deref()).await?, made_from)
        }
    };
    if let Some(known) = known.filter(|known| known.made_from == made_from) {
        return Ok(known.clone());
    }
    config.connect_timeout = Some(CONNECT_LIMIT);
    // Every caller has limits and a way to go on of its own. kube would try 15 times, writes too.
    config.default_retry = false;
    let client =
        ClientBuilder::try_from(config).map_err(|error| format!("its certificates or its token cannot be used ({})", without_content(&error)))?.build();
    Ok(Connection { client, made_from })
}

async fn read(file: PathBuf) -> Result<(Kubeconfig, u64), String> {
    let cannot_read = |file: &Path, why: &dyn fmt::Display| format!("the kubeconfig {} cannot be read ({why})", file.display());
    let text = tokio::fs::read(&file).await.map_err(|error| cannot_read(&file, &error))?;
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let made_from = hasher.finish();
    // Reads the file once more, because only this way paths in it are understood from where it lies.
    let read = tokio::task::spawn_blocking(move || Kubeconfig::read_from(&file).map_err(|error| (file, error))).await;
    match read {
        Ok(Ok(kubeconfig)) => Ok((kubeconfig, made_from)),
        // The parser quotes the lines it stumbles over.
        Ok(Err((file, KubeconfigError::Parse(_)))) => Err(format!("{} is not a kubeconfig: it is not YAML of the right form", file.display())),
        Ok(Err((file, error))) => Err(cannot_read(&file, &error)),
        Err(_) => Err("reading its kubeconfig was cut short".to_owned()),
    }
}

async fn choose(kubeconfig: Kubeconfig, file: &Path, context: Option<&str>) -> Result<Config, String> {
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| match error {
        KubeconfigError::CurrentContextNotSet | KubeconfigError::LoadContext(_) => {
            format!("{} has no context {}", file.display(), context.unwrap_or("that is the current one"))
        }
        other => format!("{} cannot be used ({other})", file.display()),
    })?;
    refuse(&config).map_or(Ok(config), |why| Err(format!("{} cannot be used: {why}", file.display())))
}

/// What a kubeconfig may say and we do not do.
fn refuse(config: &Config) -> Option<&'static str> {
    let user = &config.auth_info;
    if user.impersonate.is_some() || user.impersonate_groups.is_some() || user.impersonate_uid.is_some() || user.impersonate_user_extra.is_some() {
        return Some("its user acts as somebody else (`as`), which the portal does only with a permit. Remove `as`");
    }
    if user.exec.is_some() || user.auth_provider.is_some() {
        return Some(
            "its user wants a program started for its token, which the portal does not do. Make a token of a service account, and name it in `token` or `tokenFile`",
        );
    }
    if config.accept_invalid_certs {
        return Some("it has `insecure-skip-tls-verify`, so that the portal's token would go to whoever answers. Name the `certificate-authority`");
    }
    let loopback = matches!(config.cluster_url.host(), Some("127.0.0.1" | "localhost" | "[::1]"));
    if config.cluster_url.scheme_str() != Some("https") && !loopback {
        return Some("its server is not https, so that the portal's token would be readable on the way. Use https");
    }
    if config.proxy_url.is_some() {
        return Some("it has a `proxy-url`, which the portal does not support. Reach the cluster without one");
    }
    None
}

/// kube's error, without what it read.
fn without_content(error: &kube::Error) -> String {
    match error {
        kube::Error::RustlsTls(error) => error.to_string(),
        kube::Error::Auth(error) => error.to_string(),
        kube::Error::ProxyProtocolDisabled { .. } | kube::Error::ProxyProtocolUnsupported { .. } => "its proxy is not supported".to_owned(),
        _ => "they are not of a form that is known".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn tried(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, text).unwrap();
        connect(&Source::Kubeconfig { file, context: None }, None).await.err().unwrap_or_default()
    }

    fn with_user(user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{ name: a, context: {{ cluster: a, user: a }} }}]\n\
             clusters: [{{ name: a, cluster: {{ server: 'https://10.0.0.1:6443' }} }}]\nusers: [{{ name: a, user: {user} }}]\n"
        )
    }

    #[tokio::test]
    async fn what_a_kubeconfig_may_say_and_we_do_not_do_is_refused_in_words() {
        assert_eq!(tried(&with_user("{ token: s3cret }")).await, "");
        assert!(tried(&with_user("{ token: s3cret, as: 'system:admin' }")).await.contains("Remove `as`"));
        assert!(tried(&with_user("{ exec: { command: /bin/get-token } }")).await.contains("program started"));
        assert!(tried(&with_user("{ token: s3cret }").replace("https://10", "http://10")).await.contains("Use https"));
        assert!(tried(&with_user("{ token: s3cret }").replace("6443'", "6443', insecure-skip-tls-verify: true")).await.contains("certificate-authority"));
        assert!(tried(&with_user("{ token: s3cret }").replace("current-context: a", "current-context: b")).await.contains("has no context"));
    }

    #[tokio::test]
    async fn errors_do_not_quote_the_file() {
        for text in [with_user("{ token: s3cret"), "token: [s3cret".to_owned(), with_user("{ client-certificate-data: s3cret!, client-key-data: s3cret! }")] {
            let why = tried(&text).await;
            assert!(!why.is_empty() && !why.contains("s3cret"), "{why}");
        }
    }

    #[tokio::test]
    async fn the_same_text_keeps_the_client_and_another_makes_another() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        let source = Source::Kubeconfig { file: file.clone(), context: None };
        std::fs::write(&file, with_user("{ token: one }")).unwrap();
        let first = connect(&source, None).await.unwrap();
        assert_eq!(connect(&source, Some(&first)).await.unwrap().made_from, first.made_from);
        std::fs::write(&file, with_user("{ token: two }")).unwrap();
        assert_ne!(connect(&source, Some(&first)).await.unwrap().made_from, first.made_from);
        assert!(!format!("{first:?}").contains("one"));
    }
}
