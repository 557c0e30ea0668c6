//! What the numbers in a pixel mean: light, inks, profiles and the space in which colours are told apart.

pub(crate) mod coded;
pub(crate) mod ink;
pub(crate) mod lab;
pub(crate) mod light;
pub(crate) mod profile;
pub(crate) mod tag;
