// Why the edge cache does not do what a test wants. The first pattern that takes a test's name counts.
export const reasons = [
  [/^age-parse-/, 'RFC 9111 5.1: of several values of `Age` the first counts, and what is no number is ignored. These tests are older.'],
  [/^(headers-store|304-etag-update-response)-Set-Cookie$|^other-set-cookie$/, 'What sets a cookie is never kept: it is somebody\'s.'],
  [/^headers-store-Transfer-Encoding$/, 'The test server sends a transfer coding that nobody asked for, which is 502 (RFC 9112 6.1).'],
  [/^other-cookie$/, 'A request with a cookie asks Node; `edge-cache.with-cookies` is for those who want it otherwise.'],
  [/^surrogate-/, '`Surrogate-Control` is no standard; `CDN-Cache-Control` (RFC 9213) is, and counts.'],
  [/^other-authorization-/, '`Authorization` is a part of the key: what one has brought is for nobody else, though RFC 9111 3.5 would allow it.'],
  [/^heuristic-/, 'There is no heuristic freshness: nothing is kept that does not say so.'],
  [/^status-\d+-fresh$/, 'Only statuses that say something about a resource are kept, see [the table](edge-cache.md#what-is-kept); an error should not outlive its mending.'],
  [/^cc-resp-no-cache-revalidate/, '`no-cache` is not kept: asking Node each time is what it wants, and costs no more.'],
  [/^partial-store-/, 'Parts are not kept; they are answered from what is kept whole.'],
  [/^vary-normalise-/, 'Fields are compared as they are.'],
  [/^method-POST$/, 'Only answers to GET are kept.'],
  [/^conditional-lm-fresh-no-lm$/, 'What says nothing of its modification is not compared with a date.'],
]
