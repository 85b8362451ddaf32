#!/bin/sh
# Postfix hands mail to Holdfast: with curl, one recipient at a time, in codes that Postfix knows (sysexits.h).
#   1. this file as /usr/local/libexec/holdfast-submit, mode 0755
#   2. /etc/holdfast/partner_key, readable for the user below alone: Authorization: Bearer KEY
#   3. master.cf:
#        holdfast unix - n n - 8 pipe
#          flags=q user=holdfast null_sender= argv=/usr/local/libexec/holdfast-submit ${sender} ${recipient}
#   4. main.cf: transport_maps, or relay_transport = holdfast, and holdfast_destination_recipient_limit = 1
sender=$1 recipient=$2
answer=$(curl -sS -m 90 -w '\n%{http_code}' -H @/etc/holdfast/partner_key \
    -H 'Content-Type: message/rfc822' --url-query "from=$sender" --url-query "to=$recipient" \
    --data-binary @- '{{host}}/v1/inbound/action-mailbox/PARTNER') || exit 75
code=$(printf '%s\n' "$answer" | tail -n 1)
case $code in
    200) exit 0 ;;
    # Never to be taken: the sender is told why.
    403 | 406 | 413 | 422) printf '%s\n' "$answer" | sed '$d' && exit 69 ;;
    # Whatever else it is, the message stays in Postfix's queue.
    *) echo "Holdfast answered $code" && exit 75 ;;
esac
