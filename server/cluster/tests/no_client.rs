//! No public function, field or type of this crate has anything of kube in it: a client that could write without a permit cannot be had.

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// What a client hides behind.
    const OF_KUBE: [&str; 7] = ["kube", "Client", "Connection", "Config", "Api<", "Service<", "Buffer<"];
    /// Our own words that look like them.
    const OURS: [&str; 1] = ["\"ConfigMap\""];

    #[test]
    fn nothing_public_gives_out_a_client() {
        let mut signatures = Vec::new();
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut signatures);
        assert!(signatures.len() > 100, "only {} public items were found: is this test still reading them?", signatures.len());
        let wrong: Vec<&String> = signatures.iter().filter(|signature| OF_KUBE.iter().any(|word| signature.contains(word))).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn the_one_way_to_act_takes_a_permit() {
        let mut signatures = Vec::new();
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut signatures);
        let ways: Vec<&String> = signatures.iter().filter(|signature| signature.split("->").nth(1).is_some_and(|result| result.contains("Acting<"))).collect();
        let [way] = ways.as_slice() else { panic!("{ways:#?}") };
        assert!(way.contains("fn as_service_account<'p, A>(&self, permit: &'p Permit<A>)"), "{way}");
    }

    /// Public signatures, on one line each.
    fn read(folder: &Path, signatures: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, signatures);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let mut lines = text.lines();
            while let Some(line) = lines.next() {
                if !line.trim_start().starts_with("pub ") {
                    continue;
                }
                let mut signature = line.trim().to_owned();
                while !signature.ends_with(['{', ';', ',', '}']) {
                    signature.push(' ');
                    signature.push_str(lines.next().unwrap_or(";").trim());
                }
                for ours in OURS {
                    signature = signature.replace(ours, "");
                }
                signatures.push(signature);
            }
        }
    }
}
