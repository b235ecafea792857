//! `weir components`: what weir has, as YAML in the shape of the Collector's own list.

use std::fmt::Write;

use crate::config::catalog::{ComponentType, KINDS};

/// The list.
pub fn list() -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text);
    text
}

fn write(text: &mut String) -> std::fmt::Result {
    writeln!(text, "buildinfo:")?;
    writeln!(text, "  command: weir")?;
    writeln!(text, "  description: OTLP sidecar with WebAssembly plugins")?;
    writeln!(text, "  version: {}", env!("CARGO_PKG_VERSION"))?;
    for kind in KINDS {
        writeln!(text, "{}:", kind.section)?;
        for ComponentType { name, aliases, stability } in kind.types {
            writeln!(text, "  - name: {name}")?;
            if !aliases.is_empty() {
                writeln!(text, "    aliases: [{}]", aliases.join(", "))?;
            }
            writeln!(text, "    stability:")?;
            for (signal, stability) in *stability {
                writeln!(text, "      {signal}: {}", stability.name())?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::list;

    #[test]
    fn the_list_is_yaml_that_names_each_component_with_its_stability() {
        let text = list();
        let file = std::sync::Arc::from("components");
        let root = crate::config::parse_yaml(&text, &file).unwrap();
        for (section, names) in [
            ("receivers", &["otlp"][..]),
            (
                "processors",
                &[
                    "wasm",
                    "attributes",
                    "resource",
                    "redaction",
                    "batch",
                    "memory_limiter",
                    "probabilistic_sampler",
                ],
            ),
            (
                "exporters",
                &[
                    "otlp_grpc",
                    "otlp_http",
                    "loki",
                    "debug",
                    "file",
                    "prometheus",
                    "prometheusremotewrite",
                    "nop",
                ],
            ),
            ("extensions", &["health_check", "file_storage"]),
        ] {
            let listed = format!("{:?}", root.get(section).unwrap());
            for name in names {
                assert!(listed.contains(&format!("{name:?}")), "{section} {name}");
            }
        }
        assert!(text.contains("    aliases: [otlphttp]\n"), "{text}");
        assert!(text.contains("      traces: Alpha\n"), "{text}");
    }
}
