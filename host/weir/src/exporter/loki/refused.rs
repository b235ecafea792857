//! Why a batch cannot be turned into pushes.

use weir_otlp::WireError;
use weir_pipeline::ExportError;

use crate::wire::code;

/// What stands in the way. None of it goes away by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Malformed(WireError),
    TooLarge,
    TooManyAttributes,
    TooManyTenants,
}

impl From<WireError> for Refused {
    fn from(error: WireError) -> Self {
        Refused::Malformed(error)
    }
}

impl From<Refused> for ExportError {
    fn from(refused: Refused) -> Self {
        let (code, message) = match refused {
            Refused::Malformed(error) => (code::INVALID_ARGUMENT, error.to_string()),
            Refused::TooLarge => {
                let message = "with its attributes in every line the request is larger than 32 MiB; \
                               send smaller requests, or set sending_queue::batch::max_size";
                (code::RESOURCE_EXHAUSTED, message.to_owned())
            }
            Refused::TooManyAttributes => {
                let message = "a resource or a log record has more than 16384 attributes";
                (code::INVALID_ARGUMENT, message.to_owned())
            }
            Refused::TooManyTenants => {
                let message =
                    "the request holds logs of more than 100 tenants; set sending_queue::batch::max_size";
                (code::INVALID_ARGUMENT, message.to_owned())
            }
        };
        ExportError::permanent(code, message)
    }
}
