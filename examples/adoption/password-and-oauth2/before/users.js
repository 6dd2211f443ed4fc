const users = [
  {
    id: 1,
    username: 'ada',
    passwordHash: '$2b$08$WVCp/fbVrRK6EhIrfv.Uy.AUI3sOMuz7wV01V6js9M5R.2sfnj6qG', // ada has a long password
    providerId: 'provider-ada',
  },
  {
    id: 2,
    username: 'bob',
    passwordHash: '$2b$08$G.WNqD8l4X0QPB65yQT2fOK.o/Y/58nuPjTTX0T19t0LUv3Q1wxq.', // bob has a long password
    providerId: 'provider-bob',
  },
];

export function findUser(fields) {
  return users.find((user) => Object.entries(fields).every(([name, value]) => user[name] === value));
}

export function addUser(fields) {
  const user = { id: users.length + 1, ...fields };
  users.push(user);
  return user;
}
