// Writes the results page: node page.mjs FOLDER PAGE. Fails where a required test fails for no reason that is given.
import fs from 'node:fs'
import { pathToFileURL } from 'node:url'
import { reasons } from './reasons.mjs'

const [folder, page] = process.argv.slice(2)
const suite = pathToFileURL(`${folder}/node_modules/http-cache-tests/`)
const { default: tests } = await import(new URL('tests/index.mjs', suite))
const { default: surrogate } = await import(new URL('tests/surrogate-control.mjs', suite))
const { determineTestResult } = await import(new URL('lib/display.mjs', suite))
const { version } = JSON.parse(fs.readFileSync(new URL('package.json', suite)))
const results = JSON.parse(fs.readFileSync(`${folder}/results.json`))
const suites = [...tests, surrogate]

const counts = { required: {}, optimal: {}, check: {} }
const failures = { required: [], optimal: [] }
for (const { tests } of suites) {
  for (const test of tests) {
    if (test.browser_only) continue
    const kind = test.kind ?? 'required'
    const passed = results[test.id] === true
    const applies = passed || kind === 'check' || determineTestResult(suites, test.id, results)[2] !== '⚪️'
    const end = passed ? 'passed' : applies ? 'failed' : 'skipped'
    counts[kind][end] = (counts[kind][end] ?? 0) + 1
    if (end === 'failed' && failures[kind]) failures[kind].push(test.id)
  }
}

const reason = (id) => reasons.find(([pattern]) => pattern.test(id))?.[1]
const table = (ids) => {
  const rows = new Map()
  for (const id of ids) rows.set(reason(id), [...(rows.get(reason(id)) ?? []), id])
  const lines = [...rows].map(([why, ids]) => `| ${ids.map((id) => `\`${id}\``).join(', ')} | ${why ?? 'not known'} |`)
  return ['| Tests | Why |', '| --- | --- |', ...lines].join('\n')
}
const count = (kind) => ['passed', 'failed', 'skipped'].map((end) => counts[kind][end] ?? 0).join(' | ')

fs.writeFileSync(
  page,
  `# How the edge cache does with http-cache-tests

The [tests for HTTP caches](https://cache-tests.fyi/) of Mark Nottingham, npm's \`http-cache-tests\` ${version}, against
[the edge cache](edge-cache.md) with its default settings, switched on. Written by \`tests/cache-tests/run.sh\`.

| Kind | Passed | Failed | Not applicable |
| --- | --- | --- | --- |
| required | ${count('required')} |
| optimal, which a cache may do | ${count('optimal')} |
| questions without a right answer: yes, no | ${count('check')} |

A test is not applicable where one fails that it builds upon.

## Required tests that fail

${table(failures.required)}

## Optimal tests that fail

${table(failures.optimal)}
`,
)
const unexplained = failures.required.filter((id) => !reason(id))
if (unexplained.length > 0) {
  console.error(`required tests fail without a reason: ${unexplained.join(', ')}`)
  process.exit(1)
}
