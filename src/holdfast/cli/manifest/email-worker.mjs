// A Cloudflare Email Worker that hands mail to Holdfast. Its variable PARTNER is the partner's name, its
// secret KEY the partner's key. An exception is a temporary failure: the sending server tries again.
const HOLDFAST = '{{host}}';
const REFUSED = [403, 406, 413, 422];

export default {
  async email(message, env) {
    const url = new URL(`${HOLDFAST}/v1/inbound/action-mailbox/${env.PARTNER}`);
    url.searchParams.set('from', message.from ?? '');
    url.searchParams.set('to', message.to);
    const answer = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${env.KEY}`, 'content-type': 'message/rfc822' },
      body: await new Response(message.raw).arrayBuffer(),
    });
    if (answer.ok) return;
    if (!REFUSED.includes(answer.status)) throw new Error(`Holdfast answered ${answer.status}`);
    const problem = await answer.json().catch(() => ({}));
    message.setReject(problem.detail ?? 'This message is not taken here');
  },
};
