//! Every worker and schedule, with the deliveries that queues really make.

mod erasure;
mod index_documents;
mod purge;
mod relay_outbox;
mod send_mail;
