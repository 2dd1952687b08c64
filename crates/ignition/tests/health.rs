//! Whether a gateway is well, against the simulated gateway.

mod common;

use std::time::Duration;

use common::Plant;
use stoker_ignition::Health;
use stoker_test_gateway::{Forbid, State};

#[test]
fn a_gateway_that_runs_and_answers_is_healthy() {
    assert_eq!(Plant::new().gateway.health(), Health::Healthy);
}

#[test]
fn a_token_that_is_refused_says_nothing_about_health() {
    let plant = Plant::new();
    plant.set_token("stoker:wrong");
    assert!(matches!(plant.gateway.health(), Health::Unknown(words) if words.contains("401")));
    plant.set_token("stoker:c2VjcmV0");
    plant.simulated.faults().forbid(Forbid::Everything);
    assert!(matches!(plant.gateway.health(), Health::Unknown(words) if words.contains("403")));
    plant.without_token_file();
    assert!(matches!(plant.gateway.health(), Health::Unknown(words) if words.contains("apiKey")));
}

#[test]
fn no_answer_says_nothing_about_health() {
    let plant = Plant::new();
    assert!(plant.simulated.faults().down(true));
    assert!(matches!(plant.gateway.health(), Health::Unknown(_)));
}

#[test]
fn the_gateway_s_own_word_makes_it_unhealthy() {
    let plant = Plant::new();
    plant.simulated.faults().status("/data/api/v1/gateway-info", 500);
    assert!(matches!(plant.gateway.health(), Health::Unhealthy(words) if words.contains("500")));
    plant.simulated.faults().clear();
    plant.simulated.set_state(State::Starting).unwrap();
    assert!(matches!(plant.gateway.health(), Health::Unhealthy(words) if words.contains("STARTING")));
    plant.simulated.set_state(State::Commissioning).unwrap();
    assert!(matches!(plant.gateway.health(), Health::Unhealthy(words) if words.contains("COMMISSIONING")));
}

#[test]
fn health_is_waited_for_and_not_longer_than_asked() {
    let plant = Plant::new();
    plant.simulated.faults().statuses("/data/api/v1/gateway-info", &[503, 500]);
    assert_eq!(plant.gateway.wait_healthy(Duration::from_secs(20)).unwrap(), Health::Healthy);
    plant.simulated.faults().status("/data/api/v1/gateway-info", 500);
    let health = plant.gateway.wait_healthy(Duration::from_millis(100)).unwrap();
    assert!(matches!(health, Health::Unhealthy(_)), "{health:?}");
}
