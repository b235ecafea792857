//! The exporters' settings, but for their queues.

use std::path::Path;
use std::time::Duration;

use super::{given, response_headers, server_tls, tls_version};
use crate::config::{
    self, Environment, ExporterConfig, FileCompression, FileExporterConfig, GrpcAddress, LokiExporterConfig,
    ProcessEnvironment, PrometheusExporterConfig, RemoteWriteExporterConfig, ResourceConstantLabelsConfig,
    ResourceToTelemetryConfig, RotationConfig, TlsConfig, TranslationStrategy,
};
use crate::exporter::{
    Compression, DefaultLabels, EnvironmentProxies, ExporterSettings, FileFormat, FileSettings, Form,
    Headers, HttpClientSettings, LokiSettings, OpenFiles, Opening, OtlpGrpcSettings, OtlpHttpSettings,
    PoolSettings, PrometheusSettings, ProxySettings, ProxyUrl, PushEncoding, RemoteWriteSettings,
    ResourceLabels, Rotation, ScrapeSettings, SignalEndpoints, Strategy, TlsSettings, Verbosity,
};
use crate::listen::Bounds;
use crate::tls::Pem;

/// `files` are those that exporters write to.
pub(in crate::service) fn exporter(config: &ExporterConfig, files: &OpenFiles) -> ExporterSettings {
    match config {
        ExporterConfig::OtlpGrpc(grpc) => {
            let scheme = if grpc.uses_tls() { "https" } else { "http" };
            ExporterSettings::OtlpGrpc(OtlpGrpcSettings {
                endpoint: match &grpc.endpoint.address {
                    GrpcAddress::Tcp(address) => format!("{scheme}://{address}"),
                    GrpcAddress::Unix(path) => format!("unix://{path}"),
                },
                tls: tls(&grpc.tls),
                headers: headers(&grpc.headers),
                compression: compression(grpc.compression),
                timeout: grpc.timeout,
            })
        }
        ExporterConfig::OtlpHttp(http) => {
            let url = |url: &Option<config::HttpUrl>| url.as_ref().map(ToString::to_string);
            ExporterSettings::OtlpHttp(OtlpHttpSettings {
                endpoint: url(&http.endpoint),
                signal_endpoints: SignalEndpoints {
                    traces: url(&http.traces_endpoint),
                    metrics: url(&http.metrics_endpoint),
                    logs: url(&http.logs_endpoint),
                    profiles: url(&http.profiles_endpoint),
                },
                client: HttpClientSettings {
                    tls: tls(&http.tls),
                    proxy: proxy(http.proxy_url.as_ref(), &ProcessEnvironment),
                    pool: pool(
                        http.max_idle_conns_per_host,
                        http.idle_conn_timeout,
                        http.disable_keep_alives,
                    ),
                    headers: headers(&http.headers),
                    compression: compression(http.compression),
                    compression_level: http.compression_params.level,
                    timeout: http.timeout,
                },
            })
        }
        ExporterConfig::Loki(config) => ExporterSettings::Loki(Box::new(loki(config))),
        ExporterConfig::Debug(debug) => ExporterSettings::Debug(match debug.verbosity {
            config::Verbosity::Basic => Verbosity::Basic,
            config::Verbosity::Normal => Verbosity::Normal,
            config::Verbosity::Detailed => Verbosity::Detailed,
        }),
        ExporterConfig::File(config) => ExporterSettings::File(Box::new(file(config, files))),
        ExporterConfig::Prometheus(prometheus) => {
            ExporterSettings::Prometheus(Box::new(prometheus_settings(prometheus)))
        }
        ExporterConfig::RemoteWrite(config) => ExporterSettings::RemoteWrite(Box::new(remote_write(config))),
        ExporterConfig::Nop => ExporterSettings::Nop,
    }
}

fn file(config: &FileExporterConfig, files: &OpenFiles) -> FileSettings {
    FileSettings {
        path: config.path.clone(),
        opening: match &config.rotation {
            Some(rotation) => Opening::Rotate(self::rotation(rotation)),
            None if config.append => Opening::Append,
            None => Opening::Empty,
        },
        form: Form {
            format: match config.format {
                config::FileFormat::Json => FileFormat::Json,
                config::FileFormat::Proto => FileFormat::Proto,
            },
            is_compressed: config.compression == FileCompression::Zstd,
        },
        directory_mode: config.directory_mode(),
        files: files.clone(),
    }
}

fn rotation(config: &RotationConfig) -> Rotation {
    let megabytes = match config.max_megabytes {
        0 => RotationConfig::default().max_megabytes,
        given => given,
    };
    Rotation {
        bytes_max: megabytes << 20,
        backups_max: Some(config.max_backups).filter(|&max| max > 0),
        age_max: given(Duration::from_secs(config.max_days * 24 * 60 * 60)),
        is_local: config.localtime,
    }
}

fn loki(config: &LokiExporterConfig) -> LokiSettings {
    let labels = config.default_labels_enabled;
    LokiSettings {
        endpoint: config.endpoint.to_string(),
        default_labels: DefaultLabels {
            exporter: labels.exporter,
            job: labels.job,
            instance: labels.instance,
            level: labels.level,
        },
        encoding: match config.encoding {
            config::PushEncoding::Proto => PushEncoding::Proto,
            config::PushEncoding::Json => PushEncoding::Json,
        },
        structured_metadata: config.structured_metadata,
        client: HttpClientSettings {
            tls: tls(&config.tls),
            proxy: proxy(config.proxy_url.as_ref(), &ProcessEnvironment),
            pool: pool(config.max_idle_conns_per_host, config.idle_conn_timeout, config.disable_keep_alives),
            headers: headers(&config.headers),
            compression: compression(config.compression()),
            compression_level: config.compression_params.level,
            timeout: config.timeout,
        },
    }
}

fn prometheus_settings(config: &PrometheusExporterConfig) -> PrometheusSettings {
    let strategy = |keeps_utf8, without_suffixes| Strategy { keeps_utf8, without_suffixes };
    PrometheusSettings {
        namespace: config.namespace.clone(),
        const_labels: config.const_labels.clone().into_iter().collect(),
        send_timestamps: config.send_timestamps,
        metric_expiration: config.metric_expiration,
        enable_open_metrics: config.enable_open_metrics,
        strategy: match config.strategy() {
            TranslationStrategy::UnderscoreEscapingWithSuffixes => strategy(false, false),
            TranslationStrategy::UnderscoreEscapingWithoutSuffixes => strategy(false, true),
            TranslationStrategy::NoUTF8EscapingWithSuffixes => strategy(true, false),
            TranslationStrategy::NoTranslation => strategy(true, true),
        },
        resource_labels: resource_labels(
            &config.resource_to_telemetry_conversion,
            &config.resource_constant_labels,
        ),
        without_scope_info: config.without_scope_info,
        series_max: config.max_series,
    }
}

fn remote_write(config: &RemoteWriteExporterConfig) -> RemoteWriteSettings {
    RemoteWriteSettings {
        endpoint: config.endpoint.to_string(),
        namespace: config.namespace.clone(),
        external_labels: config.external_labels.clone().into_iter().collect(),
        without_suffixes: config.is_without_suffixes(),
        resource_labels: resource_labels(
            &config.resource_to_telemetry_conversion,
            &config.resource_constant_labels,
        ),
        without_scope_info: config.disable_scope_info,
        target_info: config.target_info.enabled,
        send_metadata: config.send_metadata,
        batch_bytes_max: config.max_batch_size_bytes(),
        client: HttpClientSettings {
            tls: tls(&config.tls),
            proxy: proxy(config.proxy_url.as_ref(), &ProcessEnvironment),
            pool: pool(config.max_idle_conns_per_host, config.idle_conn_timeout, config.disable_keep_alives),
            headers: headers(&config.headers),
            // Snappy is a part of the protocol.
            compression: Compression::None,
            compression_level: None,
            timeout: config.timeout,
        },
    }
}

/// Which attributes of resources are labels, said in the older way or in the newer one.
fn resource_labels(
    older: &ResourceToTelemetryConfig,
    newer: &ResourceConstantLabelsConfig,
) -> ResourceLabels {
    let newer = ResourceLabels { included: newer.included.clone(), excluded: newer.excluded.clone() };
    match newer == ResourceLabels::default() && older.enabled {
        true => ResourceLabels::all(older.exclude_service_attributes),
        false => newer,
    }
}

/// Where the page of an exporter is served, if it has one.
pub(in crate::service) fn scrape(config: &ExporterConfig) -> Option<ScrapeSettings> {
    let ExporterConfig::Prometheus(config) = config else { return None };
    let bounds = Bounds::default();
    Some(ScrapeSettings {
        endpoint: config.endpoint.as_ref()?.to_string(),
        tls: config.tls.as_ref().map(server_tls),
        bounds: Bounds {
            head: config.read_header_timeout,
            idle: given(config.idle_timeout),
            answer: given(config.write_timeout).unwrap_or(bounds.answer),
            ..bounds
        },
        keeps_alive: config.keep_alives_enabled,
        response_headers: response_headers(&config.response_headers),
    })
}

fn headers(headers: &config::Headers) -> Headers {
    Headers(headers.iter().map(|(name, value)| (name.to_owned(), value.expose().to_owned())).collect())
}

fn compression(compression: config::Compression) -> Compression {
    match compression {
        config::Compression::Gzip => Compression::Gzip,
        config::Compression::Zstd => Compression::Zstd,
        config::Compression::None => Compression::None,
    }
}

/// The configured proxy, or what the environment says: its variables in capitals, or else in small letters, as in Go.
fn proxy(configured: Option<&config::ProxyUrl>, environment: &dyn Environment) -> ProxySettings {
    let settings = |url: &config::ProxyUrl| ProxyUrl {
        address: url.address.to_string(),
        credentials: url.credentials.as_ref().map(|credentials| credentials.expose().to_owned()),
    };
    if let Some(url) = configured {
        return ProxySettings::Url(settings(url));
    }
    let variable = |name: &str| {
        [name.to_owned(), name.to_ascii_lowercase()]
            .iter()
            .find_map(|name| environment.var(name).filter(|value| !value.is_empty()))
    };
    let proxy = |name: &str| match variable(name) {
        None => Ok(None),
        Some(value) => match config::ProxyUrl::parse_variable(&value) {
            Some(url) => Ok(Some(settings(&url))),
            None => Err(format!("the variable {name} of the environment is no URL of an http proxy")),
        },
    };
    ProxySettings::Environment(Box::new(EnvironmentProxies {
        http: proxy("HTTP_PROXY"),
        https: proxy("HTTPS_PROXY"),
        no_proxy: variable("NO_PROXY").unwrap_or_default(),
    }))
}

fn pool(idle_max: usize, idle_timeout: Duration, disable_keep_alives: bool) -> PoolSettings {
    let idle_max = Some(idle_max).filter(|&max| max > 0);
    PoolSettings {
        idle_max_per_host: if disable_keep_alives { Some(0) } else { idle_max },
        idle_timeout: given(idle_timeout),
    }
}

fn tls(tls: &TlsConfig) -> TlsSettings {
    let pem = |file: Option<&Path>, text: Option<&str>| {
        file.map(|path| Pem::File(path.to_owned())).or_else(|| text.map(|text| Pem::Text(text.to_owned())))
    };
    TlsSettings {
        insecure: tls.insecure,
        insecure_skip_verify: tls.insecure_skip_verify,
        ca: pem(tls.ca_file.as_deref(), tls.ca_pem.as_deref()),
        include_system_ca_certs_pool: tls.include_system_ca_certs_pool,
        cert: pem(tls.cert_file.as_deref(), tls.cert_pem.as_deref()),
        key: pem(tls.key_file.as_deref(), tls.key_pem.as_ref().map(config::Secret::expose)),
        server_name_override: tls.server_name_override.clone(),
        min_version: tls_version(tls.min_version),
        max_version: tls.max_version.map(tls_version),
        reload_interval: tls.reload_interval,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environments_proxies_stand_in_capitals_or_in_small_letters() {
        let environment = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            proxy(None, &pairs.collect::<std::collections::BTreeMap<String, String>>())
        };
        let url = |address: &str| Ok(Some(ProxyUrl { address: address.to_owned(), credentials: None }));
        let of = |http, https, no_proxy: &str| {
            let no_proxy = no_proxy.to_owned();
            ProxySettings::Environment(Box::new(EnvironmentProxies { http, https, no_proxy }))
        };
        assert_eq!(environment(&[]), of(Ok(None), Ok(None), ""));
        let given =
            [("HTTP_PROXY", "a:1"), ("http_proxy", "b:1"), ("https_proxy", "http://c"), ("NO_PROXY", "d")];
        assert_eq!(environment(&given), of(url("a:1"), url("c:80"), "d"));
        let odd = environment(&[("HTTPS_PROXY", "socks5://ada:s3cret@x")]);
        assert!(!format!("{odd:?}").contains("s3cret"), "{odd:?}");
        let expected = "the variable HTTPS_PROXY of the environment is no URL of an http proxy";
        assert_eq!(odd, of(Ok(None), Err(expected.to_owned()), ""));
    }
}
