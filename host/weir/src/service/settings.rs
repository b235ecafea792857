//! From the configuration's words to the settings of the parts, one function a part.

use std::path::Path;

use weir_pipeline::{QueueSettings, RetrySettings, Sizer};

use crate::config::{
    self, ComponentId, Environment, ExporterConfig, GrpcAddress, MinTlsVersion, OtlpHttpExporterConfig,
    OtlpReceiverConfig, ProcessEnvironment, RetryConfig, SendingQueueConfig, TlsConfig,
};
use crate::exporter::{
    Compression, EnvironmentProxies, ExporterSettings, Headers, OtlpGrpcSettings, OtlpHttpSettings, Pem,
    PoolSettings, ProxySettings, ProxyUrl, SignalEndpoints, TlsSettings, TlsVersion, Verbosity,
};
use crate::receiver::{
    AdmissionSettings, CorsSettings, GrpcSettings, HttpPaths, HttpSettings, REQUEST_BYTES_MAX,
    ReceiverSettings,
};

/// At most half of the memory that weir may use is for requests under way; the rest is for plugins and queues. One
/// request of the recommended size must fit even so.
pub(super) fn admission(memory_limit_bytes: Option<u64>) -> AdmissionSettings {
    let AdmissionSettings { bytes_max, requests_max } = AdmissionSettings::default();
    let share = memory_limit_bytes.map_or(bytes_max, |limit| limit / 2);
    AdmissionSettings { bytes_max: share.clamp(REQUEST_BYTES_MAX, bytes_max), requests_max }
}

pub(super) fn receiver(id: &ComponentId, config: &OtlpReceiverConfig) -> ReceiverSettings {
    let grpc = config.grpc.as_ref().map(|grpc| GrpcSettings {
        endpoint: grpc.endpoint.to_string(),
        message_bytes_max: grpc.max_recv_msg_size_mib << 20,
        concurrent_streams_max: grpc.max_concurrent_streams,
        ..GrpcSettings::default()
    });
    let http = config.http.as_ref().map(|http| HttpSettings {
        endpoint: http.endpoint.to_string(),
        body_bytes_max: http.max_request_body_size,
        paths: HttpPaths {
            traces: http.traces_url_path.clone(),
            metrics: http.metrics_url_path.clone(),
            logs: http.logs_url_path.clone(),
            ..HttpPaths::default()
        },
        cors: CorsSettings {
            allowed_origins: http.cors.allowed_origins.clone(),
            allowed_headers: http.cors.allowed_headers.clone(),
            exposed_headers: http.cors.exposed_headers.clone(),
            max_age: http.cors.max_age,
        },
        header_timeout: http.read_header_timeout,
        ..HttpSettings::default()
    });
    ReceiverSettings { id: id.to_string(), grpc, http }
}

pub(super) fn exporter(config: &ExporterConfig) -> ExporterSettings {
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
                tls: tls(&http.tls),
                proxy: proxy(http.proxy_url.as_ref(), &ProcessEnvironment),
                pool: pool(http),
                headers: headers(&http.headers),
                compression: compression(http.compression),
                compression_level: http.compression_params.level,
                timeout: http.timeout,
            })
        }
        ExporterConfig::Debug(debug) => ExporterSettings::Debug(match debug.verbosity {
            config::Verbosity::Basic => Verbosity::Basic,
            config::Verbosity::Normal => Verbosity::Normal,
            config::Verbosity::Detailed => Verbosity::Detailed,
        }),
        ExporterConfig::Nop => ExporterSettings::Nop,
    }
}

pub(super) fn queue(config: &ExporterConfig) -> QueueSettings {
    match config {
        ExporterConfig::OtlpGrpc(grpc) => queue_settings(&grpc.sending_queue, &grpc.retry_on_failure),
        ExporterConfig::OtlpHttp(http) => queue_settings(&http.sending_queue, &http.retry_on_failure),
        // They have no upstream that could be away.
        ExporterConfig::Debug(_) | ExporterConfig::Nop => QueueSettings::default(),
    }
}

fn queue_settings(queue: &SendingQueueConfig, retry: &RetryConfig) -> QueueSettings {
    QueueSettings {
        enabled: queue.enabled,
        num_consumers: queue.num_consumers,
        queue_size: queue.queue_size,
        sizer: match queue.sizer {
            config::Sizer::Requests => Sizer::Requests,
            config::Sizer::Items => Sizer::Items,
            config::Sizer::Bytes => Sizer::Bytes,
        },
        wait_for_result: queue.wait_for_result,
        block_on_overflow: queue.block_on_overflow,
        retry: RetrySettings {
            enabled: retry.enabled,
            initial_interval: retry.initial_interval,
            randomization_factor: retry.randomization_factor,
            multiplier: retry.multiplier,
            max_interval: retry.max_interval,
            max_elapsed_time: retry.max_elapsed_time,
        },
        ..QueueSettings::default()
    }
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

fn pool(http: &OtlpHttpExporterConfig) -> PoolSettings {
    let idle_max = Some(http.max_idle_conns_per_host).filter(|&max| max > 0);
    PoolSettings {
        idle_max_per_host: if http.disable_keep_alives { Some(0) } else { idle_max },
        idle_timeout: Some(http.idle_conn_timeout).filter(|timeout| !timeout.is_zero()),
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

fn tls_version(version: MinTlsVersion) -> TlsVersion {
    match version {
        MinTlsVersion::V1_2 => TlsVersion::V1_2,
        MinTlsVersion::V1_3 => TlsVersion::V1_3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_under_way_get_half_of_the_memory_that_there_is() {
        let bytes = |limit: Option<u64>| admission(limit).bytes_max >> 20;
        assert_eq!(
            [bytes(None), bytes(Some(4 << 30)), bytes(Some(256 << 20)), bytes(Some(64 << 20))],
            [256, 256, 128, 64]
        );
    }

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
