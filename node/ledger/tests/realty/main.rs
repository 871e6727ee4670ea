//! The rules of 不动产登记: one test for each code, and a model.
#![allow(clippy::unwrap_used)]

mod authority;
mod burdens;
mod consents;
mod corrections;
mod dice;
mod model;
mod office;
mod rules;
#[allow(dead_code)]
#[path = "../ledger/scene.rs"]
mod scene;
mod seals;
mod story;
mod titles;
mod views;
