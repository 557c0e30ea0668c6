//! Containers written by hand: what is read, and what is not.

use super::*;
use crate::color::coded::Code;

fn boxed(name: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    [&u32::try_from(payload.len() + 8).unwrap().to_be_bytes(), name.as_slice(), payload].concat()
}

fn full(name: &[u8; 4], version: u8, payload: &[u8]) -> Vec<u8> {
    boxed(name, &[&[version, 0, 0, 0], payload].concat())
}

fn infe(id: u8, kind: &[u8; 4]) -> Vec<u8> {
    full(b"infe", 2, &[&[0, id, 0, 0], kind.as_slice(), b"\0"].concat())
}

/// A file of two items, the picture and its alpha, whose properties are `properties`.
fn file(kind: &[u8; 4], properties: &[Vec<u8>]) -> Vec<u8> {
    let ispe = full(b"ispe", 0, &[0, 0, 0, 6, 0, 0, 0, 4]);
    let aux = full(b"auxC", 0, b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0");
    let ipco = boxed(b"ipco", &[ispe, aux, properties.concat()].concat());
    let count = u8::try_from(properties.len()).unwrap();
    let mut ipma = vec![0, 0, 0, 2, 0, 1, 1 + count, 1];
    ipma.extend(3..3 + count);
    ipma.extend([0, 2, 2, 1, 2]);
    let iprp = boxed(b"iprp", &[ipco, full(b"ipma", 0, &ipma)].concat());
    let iinf = full(b"iinf", 0, &[vec![0, 2], infe(1, kind), infe(2, b"av01")].concat());
    // Two pieces for the picture, one for the alpha, all inside `idat`.
    let iloc = full(b"iloc", 1, &[0x11, 0, 0, 2, 0, 1, 0, 1, 0, 0, 0, 2, 0, 2, 4, 1, 0, 2, 0, 1, 0, 0, 0, 1, 2, 1]);
    let iref = full(b"iref", 0, &[boxed(b"auxl", &[0, 2, 0, 1, 0, 1]), boxed(b"prem", &[0, 1, 0, 1, 0, 2])].concat());
    let idat = boxed(b"idat", b"ABCDE");
    let meta = full(b"meta", 0, &[full(b"pitm", 0, &[0, 1]), iinf, iloc, iprp, iref, idat].concat());
    [boxed(b"ftyp", b"avif\0\0\0\0mif1avif"), meta].concat()
}

fn still(properties: &[Vec<u8>]) -> Option<(u16, Option<Crop>)> {
    match read(&file(b"av01", properties)) {
        Some(Found::Still(container)) => Some((container.orientation, container.crop)),
        _ => None,
    }
}

#[test]
fn items_are_found_by_their_tables() {
    let file = file(b"av01", &[]);
    let Some(Found::Still(found)) = read(&file) else { panic!("not found") };
    assert_eq!((found.size, found.premultiplied, found.orientation), ((6, 4), true, 1));
    assert_eq!(found.color.concat(), b"ABE");
    assert_eq!(found.alpha.expect("alpha").concat(), b"C");
    let header = header(&file).expect("a header");
    assert_eq!((header.width, header.height, header.alpha, header.animated), (6, 4, true, false));
}

#[test]
fn turns_are_the_orientation_that_looks_the_same() {
    let turned = |quarters: Option<u8>, mirror: Option<u8>| {
        let rotation = quarters.map(|quarters| boxed(b"irot", &[quarters]));
        let mirror = mirror.map(|mirror| boxed(b"imir", &[mirror]));
        still(&rotation.into_iter().chain(mirror).collect::<Vec<_>>()).expect("a picture").0
    };
    let table = [(None, [1, 4, 2]), (Some(1), [8, 5, 7]), (Some(2), [3, 2, 4]), (Some(3), [6, 7, 5])];
    for (quarters, expected) in table {
        assert_eq!([None, Some(0), Some(1)].map(|mirror| turned(quarters, mirror)), expected, "{quarters:?}");
    }
}

#[test]
fn a_clean_aperture_lies_on_whole_pixels_within() {
    let clap = |numbers: [i32; 8]| boxed(b"clap", &numbers.map(i32::to_be_bytes).concat());
    let crop = |left, top, width, height| Some(Some(Crop { left, top, width, height }));
    let cropped = |numbers| still(&[clap(numbers)]).map(|found| found.1);
    assert_eq!(cropped([4, 1, 2, 1, 0, 1, 0, 1]), crop(1, 1, 4, 2));
    assert_eq!(cropped([4, 1, 2, 1, 1, 1, -1, 1]), crop(2, 0, 4, 2));
    assert_eq!(cropped([5, 1, 2, 1, 1, 2, 0, 1]), crop(1, 1, 5, 2));
    for outside in [
        [7, 1, 2, 1, 0, 1, 0, 1],
        [4, 1, 2, 1, 2, 1, 0, 1],
        [5, 1, 2, 1, 0, 1, 0, 1],
        [4, 0, 2, 1, 0, 1, 0, 1],
        [0, 1, 2, 1, 0, 1, 0, 1],
        [4, 1, 2, 1, i32::MIN, -1, 0, 1],
    ] {
        assert_eq!(cropped(outside), None, "{outside:?}");
    }
}

#[test]
fn colour_is_named_by_numbers_and_by_a_profile() {
    let colors = |properties: &[Vec<u8>]| match read(&file(b"av01", properties)) {
        Some(Found::Still(container)) => Some((container.named, container.profile.map(<[u8]>::to_vec))),
        _ => None,
    };
    let nclx = boxed(b"colr", b"nclx\0\x0c\0\x0d\0\x09\x80");
    let named = Named { code: Code { primaries: 12, transfer: 13 }, matrix: 9, range: Range::Full };
    assert_eq!(colors(std::slice::from_ref(&nclx)), Some((Some(named), None)));
    for kind in [b"prof", b"rICC"] {
        let profile = boxed(b"colr", &[kind.as_slice(), b"1234"].concat());
        assert_eq!(colors(std::slice::from_ref(&profile)), Some((None, Some(b"1234".to_vec()))));
        // In any order; and of two of a kind the first counts.
        let other = boxed(b"colr", b"nclx\0\x01\0\x01\0\x01\0");
        let both = Some((Some(named), Some(b"1234".to_vec())));
        assert_eq!(colors(&[profile.clone(), nclx.clone()]), both);
        assert_eq!(colors(&[nclx.clone(), other, profile, boxed(b"colr", b"prof5")]), both);
    }
    assert_eq!(colors(&[boxed(b"colr", b"nclc\0\x01\0\x01\0\x01")]), Some((None, None)));
    assert_eq!(colors(&[boxed(b"colr", b"nclx\0\x01\0\x01\0\x01")]), None, "cut short");
}

#[test]
fn tiles_and_sequences_are_left_to_others() {
    assert!(matches!(read(&file(b"grid", &[])), Some(Found::Other(6, 4))));
    let layers = boxed(b"lsel", &[0, 0]);
    assert!(matches!(read(&file(b"av01", &[layers])), Some(Found::Other(6, 4))));
    let sequence = [file(b"av01", &[]), boxed(b"moov", b"")].concat();
    assert!(header(&sequence).expect("a header").animated);
}

#[test]
fn a_file_that_ends_anywhere_is_read_without_a_panic() {
    let file = file(b"av01", &[boxed(b"irot", &[1])]);
    for end in 0..file.len() {
        assert!(read(&file[..end]).is_none(), "{end}");
    }
    for at in 0..file.len() {
        for byte in [0, 1, 0x7f, 0xff] {
            let mut file = file.clone();
            file[at] = byte;
            let _ = read(&file);
        }
    }
}

#[test]
fn tables_without_end_are_not_searched_to_their_end() {
    let small = boxed(b"free", b"");
    let properties: Vec<u8> = small.iter().copied().cycle().take(8 * 30_000).collect();
    // Each table names the last property it can, 250 times.
    let last = [0x7f, 0xff].repeat(250);
    let table = [&[0, 0, 0, 1][..], &[0, 0, 0, 1, 0, 1, 250], &last].concat();
    let table = boxed(b"ipma", &table);
    let tables: Vec<u8> = table.iter().copied().cycle().take(table.len() * 2_000).collect();
    let iprp = [boxed(b"ipco", &properties), tables].concat();
    let begun = std::time::Instant::now();
    assert!(Properties { iprp: &iprp }.of(1).is_none(), "there is no size");
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
}
