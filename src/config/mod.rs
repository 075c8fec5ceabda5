//! Settings: `deskclerk.toml` as typed, validated data. Knows no consumer.

pub mod fault;
