//! HTTP/1.1 on blocking threads: as much of it as a gateway's clients use, and bounds on all of it.
//!
//! It knows nothing of gateways: a [`Handler`] turns a request into a [`Reply`].

mod body;
mod port;
mod request;
mod response;
mod server;

pub(crate) use request::Request;
pub(crate) use response::Response;
pub(crate) use server::{Doors, Handler, Reply, Server};
