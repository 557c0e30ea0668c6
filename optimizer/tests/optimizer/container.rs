//! AVIF containers built box by box around a stream of our own: what they say of colours and of the part that is shown.

use edgeplane_optimizer::{ImageFormat, Order, Refusal, optimize, probe};
use moxcms::ColorProfile;

use crate::sample::*;

const SIZE: (u32, u32) = (64, 48);

fn boxed(name: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    [&u32::try_from(payload.len() + 8).unwrap().to_be_bytes(), name.as_slice(), payload].concat()
}

fn full(name: &[u8; 4], version: u8, payload: &[u8]) -> Vec<u8> {
    boxed(name, &[&[version, 0, 0, 0], payload].concat())
}

/// The coded picture of an AVIF of ours without alpha: what its last box holds.
fn stream(avif: &[u8]) -> Vec<u8> {
    let at = avif.windows(4).position(|name| name == b"mdat").unwrap();
    avif[at + 4..].to_vec()
}

/// A file of one item with these properties.
fn file(stream: &[u8], (width, height): (u32, u32), properties: &[Vec<u8>]) -> Vec<u8> {
    let ispe = full(b"ispe", 0, &[width.to_be_bytes(), height.to_be_bytes()].concat());
    let ipco = boxed(b"ipco", &[ispe, properties.concat()].concat());
    let count = u8::try_from(properties.len() + 1).unwrap();
    let ipma: Vec<u8> = [0, 0, 0, 1, 0, 1, count].into_iter().chain(1..=count).collect();
    let iprp = boxed(b"iprp", &[ipco, full(b"ipma", 0, &ipma)].concat());
    let iinf = full(b"iinf", 0, &[vec![0, 1], full(b"infe", 2, b"\0\x01\0\0av01\0")].concat());
    // One piece, from the start of `idat` to its end.
    let iloc = full(b"iloc", 1, &[0x44, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    let meta = [full(b"pitm", 0, &[0, 1]), iinf, iloc, iprp, boxed(b"idat", stream)].concat();
    [boxed(b"ftyp", b"avif\0\0\0\0mif1avif"), full(b"meta", 0, &meta)].concat()
}

fn nclx(primaries: u8, transfer: u8, matrix: u8) -> Vec<u8> {
    boxed(b"colr", &[b"nclx".as_slice(), &[0, primaries, 0, transfer, 0, matrix, 0x80]].concat())
}

fn icc(kind: &[u8; 4], profile: &ColorProfile) -> Vec<u8> {
    boxed(b"colr", &[kind.as_slice(), &profile.encode().unwrap()].concat())
}

/// A picture of one colour as a stream that says it is sRGB by BT.601.
fn plain(color: [u8; 3]) -> Vec<u8> {
    let source = png_rgb(SIZE.0, SIZE.1, &rgb(SIZE.0, SIZE.1, |_, _| color));
    stream(&optimize(&source, &avif_order(), &LIMITS, |_| ()).unwrap().bytes)
}

fn avif_order() -> Order {
    Order { quality: 100, ..order(SIZE.0, ImageFormat::Avif) }
}

/// The colour in which a picture of one colour is shown.
fn shown(stream: &[u8], properties: &[Vec<u8>]) -> Result<[u8; 3], Refusal> {
    let png = optimize(&file(stream, SIZE, properties), &order(SIZE.0, ImageFormat::Png), &LIMITS, |_| ())?;
    Ok(quarters(&png)[0])
}

#[test]
fn the_numbers_of_the_container_say_what_the_colours_are() {
    let stream = plain([200, 100, 100]);
    // By the matrices of these spaces over linear light.
    for (properties, expected) in [
        (Vec::new(), [200, 100, 100]),
        (vec![nclx(1, 13, 6)], [200, 100, 100]),
        (vec![nclx(2, 2, 2)], [200, 100, 100]),
        (vec![nclx(1, 1, 6)], [200, 100, 100]),
        (vec![nclx(12, 13, 6)], [215, 93, 97]),
        (vec![nclx(9, 14, 6)], [240, 75, 97]),
        (vec![nclx(1, 8, 6)], [229, 168, 168]),
    ] {
        let color = shown(&stream, &properties).unwrap();
        assert!(near(color, expected, 3), "{properties:?}: {color:?} and not {expected:?}");
    }
}

#[test]
fn colours_are_what_a_browser_shows() {
    // What Chromium shows of the red corner of `avif/444.avif` with other numbers for primaries and transfer.
    for (primaries, transfer, expected) in [
        (1, 13, [201, 30, 30]),
        (1, 1, [201, 30, 30]),
        (1, 6, [201, 30, 30]),
        (1, 14, [201, 30, 30]),
        (1, 4, [202, 24, 24]),
        (1, 7, [207, 48, 48]),
        (1, 8, [230, 96, 96]),
        (6, 6, [196, 42, 29]),
        (9, 1, [251, 0, 9]),
        (9, 14, [251, 0, 9]),
        (12, 13, [220, 0, 6]),
    ] {
        let mut file = include_bytes!("avif/444.avif").to_vec();
        let at = file.windows(4).position(|bytes| bytes == b"nclx").unwrap();
        (file[at + 5], file[at + 7]) = (primaries, transfer);
        let png = optimize(&file, &order(24, ImageFormat::Png), &LIMITS, |_| ()).unwrap();
        let color = quarters(&png)[0];
        assert!(near(color, expected, 3), "{primaries}/{transfer}: {color:?} and not {expected:?}");
    }
}

#[test]
fn the_matrix_of_the_container_beats_that_of_the_stream() {
    let color = shown(&plain(RED), &[nclx(1, 13, 1)]).unwrap();
    // Made by BT.601 and read by BT.709.
    assert!(near(color, [215, 46, 28], 4), "{color:?}");
    let color = shown(&plain(RED), &[nclx(1, 13, 12)]).unwrap();
    assert!(near(color, [215, 46, 28], 4), "derived from the primaries: {color:?}");
    let constant_luminance = shown(&plain(RED), &[nclx(9, 14, 10)]);
    assert_eq!(constant_luminance, Err(Refusal::Unsupported));
}

#[test]
fn a_profile_beats_the_numbers_but_not_the_matrix() {
    let stream = plain([200, 100, 100]);
    let (p3, srgb) = (ColorProfile::new_display_p3(), ColorProfile::new_srgb());
    for kind in [b"prof", b"rICC"] {
        for properties in
            [vec![icc(kind, &p3)], vec![nclx(1, 13, 6), icc(kind, &p3)], vec![icc(kind, &p3), nclx(9, 8, 6)]]
        {
            let color = shown(&stream, &properties).unwrap();
            assert!(near(color, [215, 93, 97], 3), "{color:?}");
        }
        let color = shown(&plain(RED), &[icc(kind, &srgb), nclx(9, 8, 1)]).unwrap();
        assert!(near(color, [215, 46, 28], 4), "{color:?}");
    }
    let broken = boxed(b"colr", b"profnothing");
    assert!(near(shown(&stream, &[broken]).unwrap(), [200, 100, 100], 2));
}

#[test]
fn light_above_a_page_s_white_is_left_to_the_browser() {
    let stream = plain([200, 100, 100]);
    for transfer in [16, 18] {
        assert_eq!(shown(&stream, &[nclx(9, transfer, 9)]), Err(Refusal::Unsupported), "{transfer}");
        let profiled = [nclx(9, transfer, 6), icc(b"prof", &ColorProfile::new_srgb())];
        assert!(shown(&stream, &profiled).is_ok(), "{transfer}");
    }
}

#[test]
fn a_container_may_show_a_part_only() {
    let source = png_rgb(SIZE.0, SIZE.1, &corners(SIZE.0, SIZE.1));
    let stream = stream(&optimize(&source, &avif_order(), &LIMITS, |_| ()).unwrap().bytes);
    let clap = |numbers: [i32; 8]| boxed(b"clap", &numbers.map(i32::to_be_bytes).concat());
    let turned = |quarters: u8| boxed(b"irot", &[quarters]);
    // Width, height, and how far its middle lies right of and below the picture's, each as a fraction.
    for (properties, size, expected) in [
        (vec![clap([32, 1, 48, 1, -16, 1, 0, 1])], (32, 48), [RED, RED, BLUE, BLUE]),
        (vec![clap([64, 1, 24, 1, 0, 1, 12, 1])], (64, 24), [BLUE, YELLOW, BLUE, YELLOW]),
        (vec![clap([33, 1, 25, 1, -1, 2, 1, 2])], (33, 25), [RED, GREEN, BLUE, YELLOW]),
        // Cropped, and then turned against the clock.
        (vec![turned(1), clap([64, 1, 24, 1, 0, 1, -12, 1])], (24, 64), [GREEN, GREEN, RED, RED]),
    ] {
        let file = file(&stream, SIZE, &properties);
        let png = optimize(&file, &order(640, ImageFormat::Png), &LIMITS, |_| ()).unwrap();
        assert_eq!((png.width, png.height), size, "{properties:?}");
        let seen = quarters(&png);
        assert!(seen.iter().zip(expected).all(|(seen, drawn)| near(*seen, drawn, 14)), "{properties:?}: {seen:?}");
    }
    // What is promised is the part; a resize starts from it.
    let part = file(&stream, SIZE, &[clap([32, 1, 48, 1, -16, 1, 0, 1])]);
    assert_eq!(probe(&part).map(|probe| (probe.width, probe.height)), Ok((32, 48)));
    let png = optimize(&part, &order(16, ImageFormat::Png), &LIMITS, |_| ()).unwrap();
    assert_eq!((png.width, png.height), (16, 24));
    let outside = file(&stream, SIZE, &[clap([32, 1, 48, 1, -17, 1, 0, 1])]);
    assert_eq!(optimize(&outside, &order(16, ImageFormat::Png), &LIMITS, |_| ()).unwrap_err(), Refusal::Corrupt);
}

#[test]
fn an_avif_in_display_p3_says_so_in_its_container_and_in_its_stream() {
    let p3 = shown(&plain([200, 100, 100]), &[nclx(12, 13, 6)]).unwrap();
    let source = file(&plain([200, 100, 100]), SIZE, &[nclx(12, 13, 6)]);
    let kept = optimize(&source, &Order { keep_p3: true, ..avif_order() }, &LIMITS, |_| ()).unwrap().bytes;
    let said = b"colrnclx\0\x0c\0\x0d\0\x06\x80";
    assert!(kept.windows(said.len()).any(|bytes| bytes == said), "{}", kept[..400].escape_ascii());
    let again = optimize(&kept, &order(SIZE.0, ImageFormat::Png), &LIMITS, |_| ()).unwrap();
    assert!(near(quarters(&again)[0], p3, 2), "{:?} and not {p3:?}", quarters(&again)[0]);
    // The stream alone, in a container that says nothing.
    let silent = shown(&stream(&kept), &[]).unwrap();
    assert!(near(silent, p3, 2), "{silent:?} and not {p3:?}");
    // In P3 once more, the numbers stay what they were.
    let order = Order { keep_p3: true, ..order(SIZE.0, ImageFormat::Png) };
    let stays = quarters(&optimize(&kept, &order, &LIMITS, |_| ()).unwrap())[0];
    assert!(near(stays, [200, 100, 100], 2), "{stays:?}");
}
