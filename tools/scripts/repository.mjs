/**
 * The address of the repository, for links: `https://host/owner/name`. Unknown until the maintainers have written it into
 * libs/refresh-auth/package.json.
 *
 * @param {{ repository?: { url?: string } }} manifest
 * @returns {string | undefined}
 */
export function repositoryAddress({ repository }) {
  return /^git\+(https:\/\/\S+)\.git$/.exec(repository?.url ?? '')?.[1];
}

const isAddress = (text) => /^https:\/\/\S+$/.test(text ?? '');

const isRepository = ({ repository }) =>
  repositoryAddress({ repository }) !== undefined &&
  repository.type === 'git' &&
  repository.directory === 'libs/refresh-auth';

/** The fields that the manifest must have, with what to write. */
const fields = [
  {
    example: `"repository": { "type": "git", "url": "git+https://host/owner/name.git", "directory": "libs/refresh-auth" }`,
    isGood: isRepository,
  },
  { example: '"homepage": "https://host/owner/name#readme"', isGood: ({ homepage }) => isAddress(homepage) },
  { example: '"bugs": { "url": "https://host/owner/name/issues" }', isGood: ({ bugs }) => isAddress(bugs?.url) },
];

/**
 * Returns why a manifest cannot be published: npm shows these addresses on the page of the package, and publishes with provenance only what
 * names the repository that it was built from.
 *
 * @param {{ repository?: { type?: string, url?: string, directory?: string }, homepage?: string, bugs?: { url?: string } }} manifest
 * @returns {string[]}
 */
export function addressProblems(manifest) {
  return fields
    .filter(({ isGood }) => !isGood(manifest))
    .map(({ example }) => `libs/refresh-auth/package.json needs, with the real address, ${example}.`);
}
