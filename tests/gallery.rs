//! The example, in a browser: every picture is one, and the page comes to life.

use serde_json::Value;

use crate::support::{
    browser::Browser,
    bundle,
    server::{Launch, Server},
};

/// Each picture that the page shows: its address, the width it says it has in `w=`, the width it has.
const PICTURES: &str = r"
Promise.all([...document.images].filter((image) => image.src.includes('/_amplify/image')).map(async (image) => {
  image.loading = 'eager'
  await image.decode()
  const bytes = await (await fetch(image.currentSrc, { headers: { accept: 'image/avif,image/webp,*/*' } })).blob()
  const bitmap = await createImageBitmap(bytes)
  const wanted = Number(new URL(image.currentSrc).searchParams.get('w'))
  return { from: image.currentSrc, wanted, width: bitmap.width, shown: image.naturalWidth, type: bytes.type }
}))";

fn serve() -> Server {
    Launch::new(&bundle::built("gallery")).start()
}

#[test]
fn every_picture_decodes_at_the_width_it_was_asked_for() {
    let server = serve();
    let browser = Browser::start();
    let mut page = browser.open(&format!("http://{}/gallery", server.address()));
    page.until("document.querySelector('[data-hydrated=yes]') !== null");
    let pictures = page.evaluate(PICTURES);
    let pictures: &Vec<Value> = pictures.as_array().unwrap();
    assert_eq!(pictures.len(), 10, "six pictures and one in four widths: {pictures:#?}");
    for picture in pictures {
        assert_eq!(picture["width"], picture["wanted"], "{picture:#}");
        assert!(picture["shown"].as_u64() > Some(0), "{picture:#}");
        let modern = ["image/avif", "image/webp"].contains(&picture["type"].as_str().unwrap());
        assert!(modern, "the browser reads better than {}", picture["type"]);
    }
    let mut widths: Vec<u64> = pictures.iter().filter_map(|picture| picture["wanted"].as_u64()).collect();
    widths.sort_unstable();
    widths.dedup();
    assert!(widths.len() >= 4, "{widths:?}");
}

#[test]
fn the_page_is_rendered_before_it_is_hydrated_and_then_counts() {
    let server = serve();
    server.get("/").expect(200).saying("Six views of places").hiding("data-hydrated");
    let browser = Browser::start();
    let mut page = browser.open(&format!("http://{}/", server.address()));
    page.until("document.querySelector('[data-hydrated=yes]') !== null");
    assert_eq!(page.evaluate("document.querySelector('#likes').textContent"), "0");
    page.evaluate("document.querySelector('.actions button').click()");
    page.until("document.querySelector('#likes').textContent === '1'");
    page.evaluate("document.querySelector('a[href=\"/gallery\"]').click()");
    page.until("location.pathname === '/gallery' && document.images.length > 10");
}

#[test]
fn each_primitive_answers_its_part_of_the_example() {
    let server = serve();
    let titles = server.get("/api/pictures").expect(200).json();
    assert_eq!(titles.as_array().map(Vec::len), Some(6), "{titles}");
    server.get("/about").expect(200).saying("rendered once");
    server.get("/icon.svg").expect(200).holding("content-type", "image/svg+xml");
    let missing = crate::support::client::Request::get("/nothing").field("Accept", "text/html");
    server.send(&missing).expect(404).saying("This frame is empty");
}
