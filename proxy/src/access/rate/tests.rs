//! The meter against a model that never forgets, and with more addresses than it has places for.

use std::{collections::BTreeMap, net::Ipv6Addr};

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn pace(count: u32, burst: u32) -> Pace {
    Pace::new(0, Rate { count, per: SECOND }, burst)
}

fn v4(number: u32) -> IpAddr {
    IpAddr::from(number.to_be_bytes())
}

fn v6(number: u128) -> IpAddr {
    Ipv6Addr::from_bits(number).into()
}

#[test]
fn a_burst_is_let_through_and_then_the_rate() {
    let (meter, pace) = (Meter::new(1024, 1), pace(10, 3));
    let start = meter.began;
    let at = |ms: u64| start + Duration::from_millis(ms);
    for (ms, expected) in [
        (0, Ok(())),
        (0, Ok(())),
        (0, Ok(())),
        (0, Err(100)),
        (40, Err(60)),
        (100, Ok(())),
        (100, Err(100)),
        (400, Ok(())),
        (400, Ok(())),
        (400, Ok(())),
        (400, Err(100)),
    ] {
        let charged = meter.charge(&pace, v4(7), at(ms));
        assert_eq!(
            charged,
            expected.map(|()| Level::Alone).map_err(|ms| Wait(Duration::from_millis(ms))),
            "after {ms} ms"
        );
    }
}

#[test]
fn a_wait_is_told_in_whole_seconds_and_never_too_short() {
    for (wait, seconds) in [(1, 1), (999_999_999, 1), (1_000_000_000, 1), (1_000_000_001, 2), (0, 1)] {
        assert_eq!(Wait(Duration::from_nanos(wait)).seconds(), seconds, "{wait}");
    }
}

#[test]
fn a_look_counts_nothing_and_a_refund_takes_back() {
    let (meter, pace) = (Meter::new(1024, 1), pace(1, 2));
    let now = meter.began;
    for _ in 0..10 {
        assert_eq!(meter.look(&pace, v4(1), 0, now), Ok(()));
    }
    meter.charge(&pace, v4(1), now).unwrap();
    let level = meter.charge(&pace, v4(1), now).unwrap();
    assert!(meter.look(&pace, v4(1), 0, now).is_err());
    assert_eq!(meter.look(&pace, v4(1), 1, now), Ok(()), "as if the last one were taken back");
    meter.refund(&pace, v4(1), level);
    assert_eq!(meter.look(&pace, v4(1), 0, now), Ok(()));
    assert_eq!(meter.crowded(), 0);
}

#[test]
fn what_is_taken_back_is_taken_from_where_it_was_counted() {
    // One lock for each family of addresses, so the ninth finds no place of its own.
    let (meter, pace) = (Meter::new(16, 1), Pace::new(0, Rate { count: 1, per: 3600 * SECOND }, 2));
    let now = meter.began;
    let fill =
        |at: Instant| (0..8).for_each(|number| assert_eq!(meter.charge(&pace, v4(number), at), Ok(Level::Alone)));
    let crowded = v4(0x0a00_0001);
    fill(now);
    meter.charge(&pace, crowded, now).unwrap();
    let level = meter.charge(&pace, crowded, now).unwrap();
    assert_eq!((level, meter.crowded()), (Level::Neighbours, 2));
    // Now there is room for it alone, where nothing is known of it.
    let later = now + 3600 * SECOND;
    meter.look(&pace, crowded, 0, later).unwrap();
    meter.refund(&pace, crowded, level);
    fill(later);
    for _ in 0..2 {
        assert_eq!(meter.charge(&pace, crowded, later), Ok(Level::Neighbours));
    }
    assert_eq!(meter.crowded(), 4, "looks and refunds are not counted");
}

#[test]
fn a_network_of_ipv6_is_one_address_and_hosts_may_be_counted_apart() {
    let meter = Meter::new(1024, 2);
    let (now, pace) = (meter.began, pace(1, 1));
    meter.charge(&pace, v6(0x2001_0db8_0000_0001_u128 << 64 | 1), now).unwrap();
    assert!(meter.charge(&pace, v6(0x2001_0db8_0000_0001_u128 << 64 | 2), now).is_err(), "the same /64");
    meter.charge(&pace, v6(0x2001_0db8_0000_0002_u128 << 64), now).unwrap();
    meter.charge(&pace, v4(1), now).unwrap();
    meter.charge(&pace, v4(2), now).unwrap();
    assert!(meter.charge(&pace, v4(1), now).is_err());
    meter.charge(&Pace { limiter: 1, ..pace }, v4(1), now).unwrap();
}

#[test]
fn who_is_counted_is_not_forgotten_whoever_floods_the_meter() {
    let (meter, pace) = (Meter::new(1024, 1), Pace::new(0, Rate { count: 1, per: 3600 * SECOND }, 2));
    let now = meter.began;
    let known = [v6(0xfd00 << 112), v4(0x0a00_0001)];
    for address in known {
        meter.charge(&pace, address, now).unwrap();
        meter.charge(&pace, address, now).unwrap();
    }
    let mut let_in = 0_u32;
    for number in 0..1_000_000_u128 {
        // A /32 of somebody's: 65,536 sites, and many networks in each.
        let address = v6(0x2001_0db8_u128 << 96 | number << 64);
        let_in += u32::from(meter.charge(&pace, address, now).is_ok());
    }
    for address in known {
        assert!(meter.charge(&pace, address, now).is_err(), "{address} has been forgotten");
    }
    // Two for each place there is, and not two for each address.
    let places = 512 + 512 / 8 + 1;
    assert!(let_in <= 2 * places, "{let_in} were let in");
    assert!(meter.crowded() > 900_000);
    assert_eq!(meter.charge(&pace, v4(0x0a00_0002), now), Ok(Level::Alone), "IPv4 has places of its own");
    let later = now + 3 * 3600 * SECOND;
    assert_eq!(
        meter.charge(&pace, v6(0xfd01 << 112), later),
        Ok(Level::Alone),
        "all have recovered, and there is room"
    );
}

#[test]
fn a_million_addresses_take_the_memory_of_none() {
    let meter = Meter::new(4096, 1);
    let places = |meter: &Meter| {
        [&meter.v4, &meter.v6].map(|family| (family.each.0.len(), family.neighbours.0.len(), family.rest.len()))
    };
    let before = places(&meter);
    let pace = pace(10, 20);
    for number in 0..1_000_000_u32 {
        let now = meter.began + Duration::from_micros(u64::from(number));
        let _ = meter.charge(&pace, v4(number.wrapping_mul(2_654_435_761)), now);
        let _ = meter.charge(&pace, v6(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) << 64), now);
    }
    assert_eq!(places(&meter), before);
    assert_eq!(size_of::<Mutex<[Place; WAYS]>>() * 4096 / WAYS, 4096 * 25, "25 bytes for each address");
}

/// What a client that asks at these moments is told by a meter that has room, and by a loop that forgets nothing.
#[derive(Default)]
struct Model(BTreeMap<IpAddr, f64>);

impl Model {
    /// A bucket that holds `burst` and is filled at the rate: the same thing, told the other way round.
    fn charge(&mut self, count: u32, burst: u32, address: IpAddr, seconds: f64) -> bool {
        let level = self.0.entry(address).or_insert(f64::NEG_INFINITY);
        let empty = level.max(seconds);
        let filled = f64::from(burst) - (empty - seconds) * f64::from(count);
        let admitted = filled >= 1.0 - 1e-6;
        if admitted {
            *level = empty + 1.0 / f64::from(count);
        }
        admitted
    }
}

proptest! {
    #[test]
    fn the_meter_agrees_with_a_bucket_that_forgets_nothing(
        steps in prop::collection::vec((0_u32..4, 0_u64..40), 1..300),
        count in prop::sample::select(vec![1_u32, 2, 5, 10, 50, 100]),
        burst in 1_u32..20,
    ) {
        let (meter, pace, mut model) = (Meter::new(65_536, 1), pace(count, burst), Model::default());
        let mut millis = 0;
        for (address, pause) in steps {
            millis += pause * 10;
            let now = meter.began + Duration::from_millis(millis);
            let expected = model.charge(count, burst, v4(address), millis as f64 / 1000.0);
            prop_assert_eq!(meter.charge(&pace, v4(address), now).is_ok(), expected, "{} at {}", address, millis);
        }
        prop_assert_eq!(meter.crowded(), 0);
    }

    #[test]
    fn who_waits_as_long_as_told_is_let_in(
        pauses in prop::collection::vec(0_u64..500, 1..100), count in 1_u32..1000, burst in 1_u32..20,
    ) {
        let (meter, pace) = (Meter::new(1024, 1), pace(count, burst));
        let mut now = meter.began;
        for pause in pauses {
            now += Duration::from_millis(pause);
            if let Err(Wait(wait)) = meter.charge(&pace, v4(1), now) {
                now += wait;
                prop_assert_eq!(meter.charge(&pace, v4(1), now), Ok(Level::Alone));
            }
        }
    }

    #[test]
    fn nobody_gets_much_more_than_the_rate_however_many_others_there_are(
        steps in prop::collection::vec((0_u128..2000, 0_u64..20), 200..2000), burst in 1_u32..5,
    ) {
        // Room for a few, so that most are counted with others or not.
        let (meter, pace) = (Meter::new(64, 1), pace(10, burst));
        let (mut now, mut admitted) = (meter.began, BTreeMap::<u128, u32>::new());
        for (number, pause) in steps {
            now += Duration::from_millis(pause);
            for number in [number, 1] {
                let address = v6(number << 80 | number << 64);
                *admitted.entry(number).or_default() += u32::from(meter.charge(&pace, address, now).is_ok());
            }
        }
        // Once as itself, once with its neighbours and once with everybody.
        let seconds = (now - meter.began).as_secs_f64();
        let most = 3.0 * (f64::from(burst) + 10.0 * seconds + 1.0);
        for (number, admitted) in admitted {
            prop_assert!(f64::from(admitted) <= most, "{} was let in {} times in {} s", number, admitted, seconds);
        }
    }
}
