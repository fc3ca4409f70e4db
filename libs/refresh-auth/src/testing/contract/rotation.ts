import {
  about,
  type Asked,
  CURRENT,
  HOUR,
  NOT_TEXT,
  REVOKED,
  ROTATED,
  ROTATED_AFTER_LOSS,
  same,
  sessionOf,
  storeOf,
  successor,
  handedOver,
  ttl,
} from './checks.js';

/** A chain that is refreshed every second gets there after 3,000 years. */
const LAST_GENERATION = 99_999_999_999;

const RACERS = 64;

export const rotationChecks = [
  ...about('rule 1: a revoked session', (check) => {
    for (const [what, request] of [
      ['a candidate', { generation: 1, candidate: successor('two') }],
      ['the candidate that became its latest token', { generation: 0, candidate: successor('one') }],
      ['a candidate of a later generation', { generation: 7, candidate: successor('eight') }],
      ['no candidate', { generation: 0 }],
      ['a rejected latest token', { generation: 1, candidate: successor('two'), rejected: Buffer.from('one') }],
    ] as [string, Asked][]) {
      check(`hands nothing over to ${what}`, async (t) => {
        await t.rotateTo('one', 0);
        await t.store.revoke(t.sid, ttl);

        same(await t.rotate(request), REVOKED);
        same(await t.latest(), REVOKED);
      });
    }
  }),
  ...about('rule 1: a tracked session', (check) => {
    for (const [what, request] of [
      ['no candidate', { generation: 0 }],
      ['a candidate', { generation: 0, candidate: successor('one') }],
      ['a candidate of a later generation', { generation: 3, candidate: successor('four') }],
    ] as [string, Asked][]) {
      check(`without a record has ended: with ${what}, and none is made [S7]`, async (t) => {
        same(await t.rotate({ ...request, tracked: true }), REVOKED);
        same(await t.latest(), CURRENT);
      });
    }

    check('goes on where it has a record', async (t) => {
      await t.rotateTo('one', 0);

      const answer = await t.rotate({ generation: 1, candidate: successor('two'), tracked: true });

      same(answer, ROTATED);
      same(await t.latest(), handedOver(2, 'two'));
    });

    check('that was revoked has ended', async (t) => {
      await t.rotateTo('one', 0);
      await t.store.revoke(t.sid, ttl);

      same(await t.rotate({ generation: 1, candidate: successor('two'), tracked: true }), REVOKED);
    });

    for (const [what, more] of [
      ['', {}],
      [', under reuse detection', { reuse: { grace: 0, revokeAfter: 0, expiredFor: 0, waited: 0, isUse: true } }],
    ] as [string, Partial<Asked>][]) {
      check(`begins with generation -1${what}`, async (t) => {
        same(await t.rotate({ generation: -1, candidate: successor('zero'), tracked: true, ...more }), ROTATED);

        same(await t.rotate({ generation: -1, tracked: true }), handedOver(0, 'zero'));
        same(await t.rotate({ generation: 0, candidate: successor('one'), tracked: true }), ROTATED);
        same(await t.latest(), handedOver(1, 'one'));
      });
    }

    check('that has begun is no lost write, and does not begin again', async (t) => {
      await t.rotateTo('zero', -1);

      same(await t.rotateTo('other', -1), handedOver(0, 'zero'));
    });
  }),
  ...about('rule 2 and 4: a latest token that is newer than the generation', (check) => {
    for (const generation of [0, 1, 2] as const) {
      check(`is the answer to a candidate for generation ${generation}`, async (t) => {
        await t.rotateTo('one', 0);
        await t.rotateTo('two', 1);
        await t.rotateTo('three', 2);

        same(await t.rotateTo('fork', generation), handedOver(3, 'three'));
        same(await t.latest(), handedOver(3, 'three'));
      });
    }

    check('is the answer where no candidate is given', async (t) => {
      await t.rotateTo('one', 0);

      same(await t.rotate({ generation: 0 }), handedOver(1, 'one'));
    });

    check('is the answer where another latest token was rejected', async (t) => {
      await t.rotateTo('one', 0);
      await t.rotateTo('two', 1);

      const answer = await t.rotate({ generation: 1, candidate: successor('mend'), rejected: Buffer.from('one') });

      same(answer, handedOver(2, 'two'));
      same(await t.latest(), handedOver(2, 'two'));
    });

    check('is no lost race where its bytes are those of the candidate: the reply was lost [R3]', async (t) => {
      await t.rotateTo('one', 0);

      same(await t.rotateTo('one', 0), ROTATED);
      same(await t.rotateTo('one', 0), ROTATED);
      same(await t.latest(), handedOver(1, 'one'));
    });

    check('is the answer to the former latest token that is presented again', async (t) => {
      await t.rotateTo('one', 0);
      await t.rotateTo('two', 1);

      same(await t.rotateTo('one', 0), handedOver(2, 'two'));
    });
  }),
  ...about('rule 4: a latest token that was rejected', (check) => {
    check('is replaced where it still stands there byte for byte', async (t) => {
      await t.rotateTo('spoilt', 4);

      const answer = await t.rotate({ generation: 5, candidate: successor('mended'), rejected: Buffer.from('spoilt') });

      same(answer, ROTATED);
      same(await t.latest(), handedOver(6, 'mended'));
    });

    for (const [what, candidate] of [
      ['with a candidate', { candidate: successor('mended') }],
      ['without a candidate', {}],
    ] as const) {
      check(`is the answer where it is another one by now, ${what}`, async (t) => {
        await t.rotateTo('sound', 4);

        const answer = await t.rotate({ generation: 5, ...candidate, rejected: Buffer.from('spoilt') });

        same(answer, handedOver(5, 'sound'));
        same(await t.latest(), handedOver(5, 'sound'));
      });
    }

    check('is gone: the candidate takes its place', async (t) => {
      const answer = await t.rotate({ generation: 5, candidate: successor('mended'), rejected: Buffer.from('spoilt') });

      same(answer, ROTATED_AFTER_LOSS);
      same(await t.latest(), handedOver(6, 'mended'));
    });
  }),
  ...about('rule 5: without a candidate', (check) => {
    check('a session without a record is current, and stays without one', async (t) => {
      same(await t.rotate({ generation: 0 }), CURRENT);
      same(await t.rotate({ generation: 3 }), CURRENT);
      same(await t.rotateTo('one', 0), ROTATED);
    });

    for (const [what, generation] of [
      ['the latest token', 2],
      ['later than the latest token', 3],
    ] as const) {
      check(`a generation that is ${what} is current, and nothing is written`, async (t) => {
        await t.rotateTo('two', 1);

        same(await t.rotate({ generation }), CURRENT);
        same(await t.latest(), handedOver(2, 'two'));
      });
    }

    check('the latest token is current where it is the rejected one', async (t) => {
      await t.rotateTo('spoilt', 0);

      same(await t.rotate({ generation: 1, rejected: Buffer.from('spoilt') }), CURRENT);
    });
  }),
  ...about('rule 6: the candidate becomes the latest token', (check) => {
    for (const [what, before, generation, answer] of [
      ['of a session without a record', undefined, 0, ROTATED],
      ['of a session whose record was lost', undefined, 1, ROTATED_AFTER_LOSS],
      ['after the latest token', 4, 5, ROTATED],
      ['after a generation that the store does not know', 4, 6, ROTATED_AFTER_LOSS],
      ['after the last but one generation', undefined, LAST_GENERATION - 1, ROTATED_AFTER_LOSS],
      ['after a latest token of eleven digits', LAST_GENERATION - 2, LAST_GENERATION - 1, ROTATED],
    ] as const) {
      check(what, async (t) => {
        if (before !== undefined) await t.rotateTo('before', before);

        same(await t.rotateTo('after', generation), answer);
        same(await t.latest(), handedOver(generation + 1, 'after'));
      });
    }
  }),
  ...about('one atomic step', (check) => {
    check(
      'of 64 that refresh one generation at once, one wins and all others get its successor [R2]; look-up and insert in two steps would have several winners',
      async (t) => {
        const answers = await Promise.all(
          Array.from({ length: RACERS }, (_, racer) =>
            storeOf(t, racer).rotate({ ...t.session, generation: 0, candidate: successor(`racer ${racer}`) }),
          ),
        );

        const winner = answers.findIndex(({ outcome }) => outcome === 'rotated');
        same(
          answers,
          answers.map((_, racer) => (racer === winner ? ROTATED : handedOver(1, `racer ${winner}`))),
        );
      },
    );

    check('of 64 that replace one rejected latest token at once, one wins', async (t) => {
      await t.rotateTo('spoilt', 0);

      const answers = await Promise.all(
        Array.from({ length: RACERS }, (_, racer) =>
          storeOf(t, racer).rotate({
            ...t.session,
            generation: 1,
            candidate: successor(`racer ${racer}`),
            rejected: Buffer.from('spoilt'),
          }),
        ),
      );

      const winner = answers.findIndex(({ outcome }) => outcome === 'rotated');
      same(
        answers,
        answers.map((_, racer) => (racer === winner ? ROTATED : handedOver(2, `racer ${winner}`))),
      );
    });

    check('a revocation among rotations of many processes is the last word [L2]', async (t) => {
      const answers = await Promise.all(
        Array.from({ length: RACERS }, (_, racer) =>
          racer === RACERS / 2
            ? storeOf(t, racer).revoke(t.sid, ttl)
            : storeOf(t, racer).rotate({ ...t.session, generation: racer, candidate: successor(`racer ${racer}`) }),
        ),
      );

      same(answers.length, RACERS);
      same(await t.latest(), REVOKED);
    });
  }),
  ...about('returns the bytes of a successor exactly as they came', (check) => {
    for (const [what, sealed] of [
      ['every byte', NOT_TEXT],
      ['every byte, backwards', NOT_TEXT.map((byte) => 255 - byte)],
      ['no valid UTF-8', Uint8Array.of(0xc3, 0x28, 0xff, 0xfe)],
      ['zeros', new Uint8Array(32)],
      ['separators', Buffer.from(':::1:2:three')],
      ['digits in front', Buffer.from('12:34')],
      ['line breaks', Buffer.from('\r\none\n\ntwo\r\n')],
      ['the word for a revoked record', Buffer.from('revoked')],
      ['as much as the longest token', Buffer.alloc(9000, 0xa5)],
      ['a part of a larger buffer', new Uint8Array(NOT_TEXT.buffer, 100, 50)],
    ] as const) {
      check(what, async (t) => {
        same(await t.rotate({ generation: 0, candidate: { sealed, ttl: HOUR } }), ROTATED);

        const answer = await t.latest();
        same({ ...answer, sealed: 'sealed' in answer && Buffer.from(answer.sealed) }, handedOver(1, sealed));
        same(await t.rotate({ generation: 0, candidate: { sealed, ttl: HOUR } }), ROTATED);
        same(await t.rotate({ generation: 1, candidate: successor('next'), rejected: sealed }), ROTATED);
      });
    }
  }),

  ...about('the sessions', (check) => {
    check('of many users are kept apart, whatever the ids of those look like', async (t) => {
      const subs = ['a', 'A', 'a:b', 'a:', ':a', '{a}', '{a', 'a}', '{}', ' a', 'a\n', 'a\0', 'ä', '*', 'user:{a}'];
      const own = subs.flatMap((sub) => [sessionOf(sub), sessionOf(sub)]);

      for (const each of own) {
        same(await t.store.rotate({ ...each, generation: 0, candidate: successor(each.sid) }), ROTATED);
      }

      const answers = await Promise.all(own.map((each) => t.store.rotate({ ...each, generation: 0 })));
      same(
        answers,
        own.map(({ sid }) => handedOver(1, sid)),
      );
    });
  }),
];
