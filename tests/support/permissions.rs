//! What functions were refused, and which of their permissions they needed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use local::cloud::iam::{Denial, Grant, Iam};

/// Fails a test when it ends and a function was refused something that the test did not [expect](Self::refused).
pub(crate) struct Permissions(Arc<Iam>);

impl Permissions {
    pub(crate) fn of(iam: &Arc<Iam>) -> Self {
        Self(iam.clone())
    }

    /// What functions were refused so far, which the test expects.
    pub(crate) fn refused(&self) -> BTreeSet<Denial> {
        self.0.take_denials()
    }
}

impl Drop for Permissions {
    fn drop(&mut self) {
        note_used(&self.0.grants());
        let refused = self.0.take_denials();
        if refused.is_empty() {
            return;
        }
        let lines = refused.iter().map(
            |Denial {
                 function,
                 action,
                 resource,
             }| { format!("\n  {function} may not {action} on {resource}") },
        );
        let text = format!(
            "template.yaml does not allow what functions did:{}",
            lines.collect::<String>()
        );
        if std::thread::panicking() {
            eprintln!("{text}");
        } else {
            panic!("{text}");
        }
    }
}

/// Notes the permissions that were needed in the file that `PARLANCE_GRANTS_USED` names, each once.
fn note_used(grants: &BTreeMap<Grant, bool>) {
    static NOTED: Mutex<BTreeSet<Grant>> = Mutex::new(BTreeSet::new());
    let Ok(path) = std::env::var("PARLANCE_GRANTS_USED") else {
        return;
    };
    let mut noted = NOTED.lock().unwrap_or_else(PoisonError::into_inner);
    let used = grants.iter().filter(|(_, used)| **used).map(|(grant, _)| grant);
    let new: Vec<_> = used.filter(|grant| !noted.contains(grant)).cloned().collect();
    let lines = new.iter().map(
        |Grant {
             function,
             action,
             resource,
         }| format!("{function}\t{action}\t{resource}\n"),
    );
    let text: String = lines.collect();
    let file = File::options().create(true).append(true).open(path);
    file.unwrap().write_all(text.as_bytes()).unwrap();
    noted.extend(new);
}
