//! What the backends are asked, each in its own language.

use serde_json::Value;

use super::Backend;

impl Backend {
    /// Jaeger's traces of a service, or what is known of one trace: a list of objects with `spans` and `processes`.
    pub async fn traces(&self, service: &str) -> Vec<Value> {
        let path = format!("/api/traces?limit=10000&service={}", encoded(service));
        list(self.get(&path).await.as_ref().and_then(|answer| answer.get("data")))
    }

    /// Loki's streams for a query in LogQL over the last hour: a list of objects with `stream` and `values`.
    pub async fn streams(&self, query: &str) -> Vec<Value> {
        let path = format!("/loki/api/v1/query_range?limit=5000&since=1h&query={}", encoded(query));
        list(self.get(&path).await.as_ref().and_then(|answer| answer.pointer("/data/result")))
    }

    /// The value of the only series that a query finds in Prometheus.
    pub async fn value(&self, query: &str) -> String {
        let found = self.vector(query).await;
        assert_eq!(found.len(), 1, "{query}: {found:?}");
        found[0]["value"][1].as_str().expect("a value is text").to_owned()
    }

    /// Prometheus' instant vector for a query in PromQL: a list of objects with `metric` and `value`.
    pub async fn vector(&self, query: &str) -> Vec<Value> {
        let answer = self.get(&format!("/api/v1/query?query={}", encoded(query))).await;
        list(answer.as_ref().and_then(|answer| answer.pointer("/data/result")))
    }

    /// Prometheus' alerts that fire, by name.
    pub async fn firing(&self) -> Vec<String> {
        let answer = self.get("/api/v1/alerts").await;
        let alerts = list(answer.as_ref().and_then(|answer| answer.pointer("/data/alerts")));
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
        firing.filter_map(|alert| Some(alert.pointer("/labels/alertname")?.as_str()?.to_owned())).collect()
    }
}

fn list(value: Option<&Value>) -> Vec<Value> {
    value.and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Text as a part of a query string.
pub fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
