//! The statuses of OTLP over HTTP.

use tonic::Code;
use weir_tests::{Answer, Upstream};

use super::{Fate, TRY_AGAIN, check, http_settings, impatient, received, told, weir};

const STATUSES: [(u16, Fate); 18] = [
    (200, Fate::Taken),
    (202, Fate::Taken),
    (204, Fate::Taken),
    // No redirect is followed: the headers hold secrets.
    (301, Fate::Final(told(Code::Unknown, 500))),
    (307, Fate::Final(told(Code::Unknown, 500))),
    (400, Fate::Final(told(Code::InvalidArgument, 400))),
    (401, Fate::Final(told(Code::Unauthenticated, 401))),
    (403, Fate::Final(told(Code::PermissionDenied, 403))),
    (404, Fate::Final(told(Code::Unimplemented, 404))),
    // Final by OTLP, whatever other clients do.
    (408, Fate::Final(told(Code::InvalidArgument, 400))),
    (413, Fate::Final(told(Code::ResourceExhausted, 413))),
    (415, Fate::Final(told(Code::InvalidArgument, 400))),
    (429, Fate::Retried),
    (500, Fate::Final(told(Code::Internal, 500))),
    (501, Fate::Final(told(Code::Internal, 500))),
    (502, Fate::Retried),
    (503, Fate::Retried),
    (504, Fate::Retried),
];

#[tokio::test]
async fn each_status_is_success_final_or_tried_again() {
    let upstream = Upstream::start().await;
    let weir = weir("otlp_http", http_settings(&upstream.address())).await;
    for (status, fate) in STATUSES {
        let answer = || upstream.script([Answer::Http(status, None)]);
        check(&format!("HTTP {status}"), &weir, &received(&upstream), &answer, fate).await;
    }
}

/// The trap of 429: over gRPC it must not become RESOURCE_EXHAUSTED, which senders drop data for.
#[tokio::test]
async fn a_status_that_may_be_tried_again_and_stays_is_told_as_unavailable() {
    let upstream = Upstream::start().await;
    let weir = impatient("otlp_http", http_settings(&upstream.address())).await;
    for status in [429, 502, 503, 504] {
        let answer = || upstream.script([Answer::Http(status, None)]);
        let what = format!("HTTP {status}");
        check(&what, &weir, &received(&upstream), &answer, Fate::Final(TRY_AGAIN)).await;
    }
}
