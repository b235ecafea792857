//! Plugins from a ConfigMap or any other volume that the kubelet writes: every file is a link through `..data`,
//! and an update swaps that one link. So do tables, labels and keys that are granted to plugins.

use std::path::Path;

use serde_json::{Value, json};
use weir_tests::build::plugin;
use weir_tests::guest::Guest;
use weir_tests::requests::{self, text_of};
use weir_tests::{Launch, Sidecar, Volume};

/// More than anybody can mistake for a lucky first one.
const SWAPS: usize = 24;
/// Each is compiled once, and two that follow each other differ.
const TAGS: [&str; 5] = ["v0", "v1", "v2", "v3", "v4"];

async fn every_swap_takes_effect(settings: impl Fn(&Path) -> Value) {
    let guests = TAGS.map(|tag| Guest::Tag("test.tag", tag).wasm());
    let mut volume = Volume::new();
    volume.publish(&[("tag.wasm", &guests[0])]);
    let sidecar = Sidecar::launch(Launch::new().processor("wasm", settings(volume.path()))).await;
    for swap in 0..SWAPS {
        let (tag, guest) = (TAGS[swap % TAGS.len()], &guests[swap % TAGS.len()]);
        if swap > 0 {
            volume.publish(&[("tag.wasm", guest)]);
        }
        sidecar.turns_to("test.tag", Some(tag)).await;
    }
    assert_eq!(sidecar.reloads("tag", "failure").await, 0.0);
}

#[tokio::test]
async fn every_swap_of_the_data_link_takes_effect_for_a_directory() {
    every_swap_takes_effect(|volume| json!({"directory": volume})).await;
}

#[tokio::test]
async fn every_swap_of_the_data_link_takes_effect_for_a_single_plugin() {
    every_swap_takes_effect(|volume| json!({"plugin": volume.join("tag.wasm")})).await;
}

#[tokio::test]
async fn every_swap_takes_effect_for_the_settings_beside_a_plugin() {
    let mut volume = Volume::new();
    let wasm = std::fs::read(plugin("enrich")).unwrap();
    let mut publish = |swap: usize| {
        let settings = format!("config: {{resource: {{set: {{test.swap: v{swap}}}}}}}\n");
        volume.publish(&[("enrich.wasm", &wasm), ("enrich.yaml", settings.as_bytes())]);
        volume.path().to_owned()
    };
    let sidecar = Sidecar::start(&publish(0)).await;
    for swap in 1..SWAPS {
        publish(swap);
        sidecar.turns_to("test.swap", Some(&format!("v{swap}"))).await;
    }
    assert_eq!(sidecar.reloads("enrich", "failure").await, 0.0);
}

/// A processor that looks the method up in a table which it is granted from here, and sets this attribute.
fn lookup(source: &Path, path: &str, file: &str, attribute: &str) -> Value {
    json!({
        "plugin": plugin("enrich"),
        "files": [{"source": source, "path": path}],
        "config": {
            "tables": {"teams": {"file": file, "key": "method"}},
            "lookups": [{"table": "teams", "from": "http.request.method", "level": "item", "set": {"team": attribute}}],
        },
    })
}

#[tokio::test]
async fn every_swap_takes_effect_for_tables_and_labels_however_they_are_granted() {
    let mut volume = Volume::new();
    let mut publish = |swap: usize| {
        let (table, labels) =
            (format!("method,team\nGET,team-{swap}\n"), format!("app=\"team-{swap}\"\ntier=\"web\"\n"));
        volume.publish(&[("teams.csv", table.as_bytes()), ("labels", labels.as_bytes())]);
        volume.path().to_owned()
    };
    let home = publish(0);
    let (file, through) = (home.join("teams.csv"), home.join("..data"));
    let podinfo = json!({
        "plugin": plugin("enrich"),
        "files": [{"source": home, "path": "/etc/podinfo"}],
        "config": {"downward_api": {"labels": {"app": "test.label"}}},
    });
    let launch = Launch::new()
        .processor("wasm/file", lookup(&file, "/t/teams.csv", "/t/teams.csv", "by.file"))
        .processor(
            "wasm/through",
            lookup(&through.join("teams.csv"), "/t/teams.csv", "/t/teams.csv", "by.through"),
        )
        .processor("wasm/data", lookup(&through, "/t", "/t/teams.csv", "by.data"))
        .processor("wasm/volume", lookup(&home, "/t", "/t/teams.csv", "by.volume"))
        .processor("wasm/podinfo", podinfo);
    let sidecar = Sidecar::launch(launch).await;
    for swap in 0..SWAPS {
        if swap > 0 {
            publish(swap);
        }
        let team = format!("team-{swap}");
        sidecar
            .comes_to(&format!("every grant shows {team}"), async || {
                let Some(body) = sidecar.pass().await else { return false };
                let label = requests::log_resource(&body);
                let items = requests::log_records(&body);
                let attributes = items.first().map(|item| item.attributes.as_slice()).unwrap_or_default();
                let grants = ["by.file", "by.through", "by.data", "by.volume"];
                grants.iter().all(|grant| text_of(attributes, grant) == Some(&team))
                    && text_of(&label, "test.label") == Some(&team)
            })
            .await;
    }
}

#[tokio::test]
async fn every_rotation_of_a_key_changes_the_tokens_and_one_key_makes_one_token() {
    let mut secrets = Volume::new();
    let mut rotate = |swap: usize| {
        // Two keys in turn: the third must give the tokens of the first.
        let key = format!("{}-0123456789-0123456789-0123456789", swap % 2);
        secrets.publish(&[("hmac", key.as_bytes())]);
        secrets.path().to_owned()
    };
    let home = rotate(0);
    let settings = json!({
        "plugin": plugin("redact"),
        "files": [{"source": home.join("hmac"), "path": "/keys/hmac"}],
        "config": {
            "token": {"key_file": "/keys/hmac"},
            "keys": {"rules": [{"match": ["http.request.method"], "action": "token"}]},
        },
    });
    let sidecar = Sidecar::launch(Launch::new().processor("wasm/redact", settings)).await;
    let token = async || {
        let records = requests::log_records(&sidecar.pass().await?);
        text_of(&records.first()?.attributes, "http.request.method").map(str::to_owned)
    };
    let mut former = token().await.expect("the first key works");
    let mut tokens = vec![former.clone()];
    for swap in 1..SWAPS {
        rotate(swap);
        sidecar
            .comes_to("the token is another one", async || token().await.is_some_and(|now| now != former))
            .await;
        former = token().await.expect("no request is refused");
        assert_ne!(former, "GET", "it is never shown as it is");
        if !tokens.contains(&former) {
            tokens.push(former.clone());
        }
    }
    assert_eq!(tokens.len(), 2, "{tokens:?}");
}
