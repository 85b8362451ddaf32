// A day without mail, in a real browser: two people come in by their links, read what is held, write to
// each other and go. One of them has a large screen, a keyboard and English, the other a telephone, no
// JavaScript and Italian. Each page is looked at by axe-core, and asks no other host for anything.
//
//   node tests/browser/story.mjs URL OPERATOR_TOKEN SHOTS
//
// Modules: playwright-core and axe-core, found from NODE_PATH; a browser at CHROMIUM or /usr/bin/chromium.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire((process.env.NODE_PATH ?? process.cwd()) + '/');
const { chromium } = require('playwright-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const [url, operatorToken, shots] = process.argv.slice(2);
const PASSWORD = 'seven green tractors';
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

fs.mkdirSync(shots, { recursive: true });
const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const browser = await chromium.launch({ executablePath, args: flags });
const elsewhere = [];

/** A new link for this user; older ones are void. */
async function link(address) {
  const answer = await fetch(`${url}/v1/people/${address}/activation`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${operatorToken}`,
      'content-type': 'application/json',
      'holdfast-operator': 'browser test',
    },
    body: JSON.stringify({ reason: 'a test in a browser', purpose: 'reset' }),
  });
  const made = await answer.json();
  assert.equal(answer.status, 201, JSON.stringify(made));
  return made.url;
}

/** What an authenticator app shows (RFC 6238). */
function code(key) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...key].map((c) => alphabet.indexOf(c)).filter((n) => n >= 0)
    .map((n) => n.toString(2).padStart(5, '0')).join('');
  const bytes = bits.match(/.{8}/g).map((byte) => parseInt(byte, 2));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const hash = crypto.createHmac('sha1', Buffer.from(bytes)).update(step).digest();
  const number = hash.readUInt32BE(hash[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

class Person {
  static async come(name, options) {
    const person = new Person();
    person.name = name;
    person.scripts = options.javaScriptEnabled !== false;
    // axe-core is put into the page from outside, past its policy.
    // Without motion, so that no colour is looked at on its way to another.
    const context = await browser.newContext({ bypassCSP: person.scripts, reducedMotion: 'reduce', ...options });
    person.page = await context.newPage();
    person.page.on('request', (request) => {
      if (!request.url().startsWith(url) && !request.url().startsWith('data:')) elsewhere.push(request.url());
    });
    return person;
  }

  /** Keeps a picture of the page, and lets axe-core look at it. */
  async look(what) {
    this.seen = (this.seen ?? 0) + 1;
    const file = `${shots}/${this.name}-${String(this.seen).padStart(2, '0')}-${what}.png`;
    await this.page.screenshot({ path: file, fullPage: true });
    const wide = await this.wide();
    assert.ok(wide.content <= wide.window, `${this.name}: ${what} scrolls sideways`);
    if (!this.scripts) return;
    await this.page.evaluate(axe);
    const found = await this.page.evaluate((rules) => axe.run({ runOnly: rules }), RULES);
    const said = found.violations.map((one) => `${one.id}: ${one.nodes[0].html}`);
    assert.deepEqual(said, [], `axe-core on ${what}`);
    // In the dark only the colours are others.
    await this.page.emulateMedia({ colorScheme: 'dark' });
    const dark = await this.page.evaluate(() => axe.run({ runOnly: ['color-contrast'] }));
    await this.page.emulateMedia({ colorScheme: 'light' });
    const unclear = dark.violations.map((one) => `${one.id}: ${one.nodes[0].html}`);
    assert.deepEqual(unclear, [], `axe-core on ${what} in the dark`);
  }

  async wide() {
    const box = await this.page.locator('body').boundingBox();
    return { content: Math.floor(box.width), window: this.page.viewportSize().width };
  }

  async text() {
    return (await this.page.textContent('main')).replace(/\s+/g, ' ');
  }

  async open(path) {
    await this.page.goto(url + path);
  }

  async press() {
    await this.page.locator('main button[type=submit]').first().click();
  }

  async activate(address) {
    await this.page.goto(await link(address));
    await this.look('password');
    await this.page.fill('[name=new]', PASSWORD);
    await this.page.fill('[name=again]', PASSWORD);
    await this.press();
    this.key = (await this.page.textContent('.key')).trim();
    await this.look('app');
    await this.page.fill('[name=code]', code(this.key));
    await this.press();
    assert.equal(await this.page.locator('.codes li').count(), 10, 'recovery codes are shown');
    await this.look('recovery');
    await this.press();
    assert.equal(this.page.url(), `${url}/mail/`);
  }

  async openMessage(subject) {
    await this.open('/mail/');
    await this.page.locator('main a', { hasText: subject }).first().click();
    assert.match(this.page.url(), /\/mail\/m\//);
  }
}

async function submit(to, message) {
  const query = to.map((address) => `to=${encodeURIComponent(address)}`).join('&');
  const answer = await fetch(`${url}/v1/messages?from=mario@example.net&${query}`, {
    method: 'POST',
    headers: { authorization: 'Bearer demo-key', 'content-type': 'message/rfc822' },
    body: message.join('\r\n'),
  });
  assert.ok([200, 202].includes(answer.status), await answer.text());
}

const run = Date.now();
await submit(['anna@example.org', 'ben@example.org'], [
  'From: "Mario Rossi" <mario@example.net>', 'To: anna@example.org', `Subject: Offer ${run}`,
  `Message-ID: <${run}@example.net>`, 'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=x', '', '--x', 'Content-Type: text/html; charset=utf-8', '',
  '<h1>Offer</h1><p onclick="alert(1)">See <a href="https://example.com/">this</a></p>',
  '<img src="https://tracker.example.com/p.gif"><script>document.title = "run"</script>', '--x',
  'Content-Type: text/plain; name="terms.txt"', 'Content-Disposition: attachment; filename="terms.txt"', '',
  'in full', '--x--', '',
]);

const anna = await Person.come('anna', { locale: 'en-GB', viewport: { width: 1280, height: 800 } });
await anna.activate('anna@example.org');
await anna.look('inbox');
await anna.openMessage(`Offer ${run}`);
await anna.look('message');
assert.notEqual(await anna.page.title(), 'run');
const [file] = await Promise.all([
  anna.page.waitForEvent('download'),
  anna.page.locator('main a', { hasText: 'terms.txt' }).first().click(),
]);
assert.equal(fs.readFileSync(await file.path(), 'utf8').trim(), 'in full');
await anna.open(`/mail/search?q=${run}`);
assert.match(await anna.text(), new RegExp(`Offer ${run}`));
await anna.look('search');
for (const path of ['drafts', 'bin', 'people?q=b', 'settings', 'nowhere']) {
  await anna.open(`/mail/${path}`);
  await anna.look(path.split('?')[0]);
}
await anna.open('/mail/compose');
await anna.page.fill('[name=to]', 'not an address');
await anna.page.fill('[name=body]', 'x');
await anna.page.locator('button[value=send]').last().click();
await anna.look('compose-error');
await anna.page.fill('[name=to]', 'ben@example.org');
await anna.page.fill('[name=subject]', `Lunch ${run}`);
await anna.page.fill('[name=body]', 'At one?\n\nAnna');
await anna.page.locator('button[value=send]').last().click();
assert.match(anna.page.url(), /\/mail\/sent/);
await anna.look('sent');

const ben = await Person.come('ben', {
  locale: 'it-IT', viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, javaScriptEnabled: false,
});
await ben.activate('ben@example.org');
assert.match(await ben.page.textContent('h1'), /Posta in arrivo/);
assert.match(await ben.text(), new RegExp(`Lunch ${run}`), 'a colleague has it at once');
await ben.look('posta');
await ben.openMessage(`Lunch ${run}`);
await ben.look('messaggio');
await ben.page.locator('main a[href*="reply="]').first().click();
await ben.look('risposta');
await ben.page.fill('[name=body]', 'Sì, alle 13.');
await ben.page.locator('button[value=send]').last().click();
assert.match(ben.page.url(), /\/mail\/sent/);

await anna.openMessage(`Re: Lunch ${run}`);
assert.match(await anna.text(), /Sì, alle 13/);
await anna.look('reply');
await anna.page.locator('main a[href*="/mail/t/"]').first().click();
await anna.look('conversation');
// What she throws away lies in the bin, until she empties it.
await anna.open('/mail/sent');
await anna.page.locator('input[name=id]').first().check();
await anna.page.locator('button[value=bin]').click();
await anna.open('/mail/bin');
await anna.look('bin-full');
await anna.page.locator('main a[href$="/bin/empty"]').click();
assert.match(await anna.text(), /1 message will be deleted/);
await anna.look('bin-question');
await anna.page.locator('main form[action$="/bin/empty"] button').click();
assert.match(await anna.text(), /The bin is empty/);
await anna.page.locator('form[action$="/logout"] button').click();
await anna.look('bye');
await anna.open('/mail/');
assert.match(anna.page.url(), /\/mail\/login/);
await anna.look('login');
await anna.page.fill('[name=name]', 'anna@example.org');
await anna.page.fill('[name=password]', PASSWORD);
await anna.press();
await anna.look('code');
// The code of the step in which she enrolled was used.
const next = 30_000 - (Date.now() % 30_000) + 500;
await new Promise((done) => setTimeout(done, next));
await anna.page.fill('[name=code]', code(anna.key));
await anna.press();
assert.equal(anna.page.url(), `${url}/mail/`, await anna.text());


// The other languages, on the pages with most words.
for (const language of ['it', 'fr', 'es', 'de']) {
  const person = await Person.come(language, {
    locale: language, viewport: { width: 1280, height: 800 }, storageState: await anna.page.context().storageState(),
  });
  for (const path of ['', 'compose', 'settings']) {
    await person.open(`/mail/${path}`);
    assert.equal(await person.page.getAttribute('html', 'lang'), language);
    await person.look(path || 'inbox');
  }
}

// Hostile mail: nothing of it runs, asks, leads away or looks like the page around it.
const hostile = JSON.parse(fs.readFileSync(
  new URL('../../src/core/people/reading/html/hostile.json', import.meta.url), 'utf8'));
await Promise.all(hostile.map((html, number) => submit(['anna@example.org'], [
  'From: eve@example.net', 'To: anna@example.org', `Subject: hostile ${run} ${number}`,
  'MIME-Version: 1.0', 'Content-Type: text/html; charset=utf-8', 'Content-Transfer-Encoding: base64', '',
  Buffer.from(`<p>before</p>${html}<p>after</p>`).toString('base64').replace(/.{76}/g, '$&\r\n'), '',
])));
// As a user has it: with the page's own policy, and with scripts.
const reader = await browser.newContext({ storageState: await anna.page.context().storageState() });
const page = await reader.newPage();
const ran = [];
page.on('dialog', (dialog) => { ran.push(dialog.message()); dialog.dismiss(); });
let images = false;
page.on('request', (request) => {
  const own = request.url().startsWith(url) || request.url().startsWith('data:');
  if (!own && !(images && request.resourceType() === 'image')) elsewhere.push(request.url());
});
const letters = new Map();
for (let next = '/mail/'; next && letters.size < hostile.length;) {
  await page.goto(url + next);
  for (const link of await page.locator('main a[href^="/mail/m/"]').all()) {
    const subject = /hostile \d+ (\d+)/.exec(await link.textContent());
    if (subject) letters.set(subject[1], await link.getAttribute('href'));
  }
  const older = page.locator('a[rel=next]');
  next = await older.count() ? await older.first().getAttribute('href') : null;
}
assert.equal(letters.size, hostile.length, 'each hostile message is in the inbox');
for (const [number, path] of letters) {
  for (const address of [path, `${path}?images=1`]) {
    images = address !== path;
    await page.goto(url + address);
    assert.equal(page.url(), url + address, `${number} leads away`);
    const frames = page.frames().slice(1);
    for (const frame of frames) {
      const scripts = await frame.locator('script, object, embed, form, iframe, base, meta[http-equiv=refresh]').count();
      assert.equal(scripts, 0, `${number} has an element that could do something`);
    }
    assert.equal(await page.locator('h1').count(), 1, `${number} adds to the page`);
  }
}
await page.screenshot({ path: `${shots}/hostile.png` });
assert.deepEqual(ran, [], 'nothing runs');
assert.deepEqual(elsewhere, [], 'no page asks another host');
await browser.close();
console.log(`the story was told; ${fs.readdirSync(shots).length} pictures in ${shots}`);
