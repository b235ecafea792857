//! The messages around items, which are the same for all signals: of a resource, and of a scope in it.

use super::attributes::Attributes;
use super::field::{Body, Message, Repeated};
use crate::wire::Result;

/// `ResourceSpans`, `ResourceMetrics` or `ResourceLogs`.
#[derive(Clone, Copy)]
pub struct Group<'a> {
    /// Where everything in it comes from.
    pub resource: Resource<'a>,
    /// Of the resource's attributes.
    pub schema_url: &'a str,
    body: Body<'a>,
}

/// What telemetry is of.
#[derive(Clone, Copy)]
pub struct Resource<'a> {
    /// Its attributes.
    pub attributes: Attributes<'a>,
}

/// `ScopeSpans`, `ScopeMetrics` or `ScopeLogs`.
#[derive(Clone, Copy)]
pub struct ScopeGroup<'a> {
    /// What made everything in it.
    pub scope: Scope<'a>,
    /// Of the scope's and the items' attributes.
    pub schema_url: &'a str,
    body: Body<'a>,
}

/// An instrumentation scope.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// Its name; empty if there is none.
    pub name: &'a str,
    /// Its version; empty if there is none.
    pub version: &'a str,
    /// Its attributes.
    pub attributes: Attributes<'a>,
}

impl<'a> Message<'a> for Group<'a> {
    fn read(body: Body<'a>) -> Result<Self> {
        let resource = Resource { attributes: Attributes::below(body, 1, 1) };
        let mut group = Group { resource, schema_url: "", body };
        body.each(|field| {
            if field.number == 3 {
                group.schema_url = field.text()?;
            }
            Ok(())
        })?;
        Ok(group)
    }
}

impl<'a> Group<'a> {
    /// Its scopes.
    pub fn scopes(&self) -> Repeated<'a, ScopeGroup<'a>> {
        Repeated::new(self.body, 2)
    }
}

impl<'a> Message<'a> for ScopeGroup<'a> {
    fn read(body: Body<'a>) -> Result<Self> {
        let scope = Scope { name: "", version: "", attributes: Attributes::below(body, 1, 3) };
        let mut group = ScopeGroup { scope, schema_url: "", body };
        body.each(|field| {
            match field.number {
                1 => group.scope.read_texts(field.message()?)?,
                3 => group.schema_url = field.text()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(group)
    }
}

impl<'a> ScopeGroup<'a> {
    /// Its spans, metrics or log records: `M` is the message of the request's signal.
    pub fn items<M: Message<'a>>(&self) -> Repeated<'a, M> {
        Repeated::new(self.body, 2)
    }
}

impl<'a> Scope<'a> {
    fn read_texts(&mut self, body: Body<'a>) -> Result<()> {
        body.each(|field| {
            match field.number {
                1 => self.name = field.text()?,
                2 => self.version = field.text()?,
                _ => {}
            }
            Ok(())
        })
    }
}
