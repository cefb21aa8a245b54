metadata description = 'Custom roles of exactly the actions that each identity needs; the lists, and why, lie in ../roles.'

targetScope = 'subscription'

@description('Required. Name of the environment; role names are unique in a tenant.')
param environmentName string

@description('Required. Ids of the subscriptions in which the roles are given, in lower case: this one, and those of the vault, the profile, the Automation accounts and the applications.')
param subscriptionIds string[]

var definitions = {
  observe: loadJsonContent('../roles/observe.json')
  drill: loadJsonContent('../roles/drill.json')
  failover: loadJsonContent('../roles/failover.json')
  protect: loadJsonContent('../roles/protect.json')
  linked: loadJsonContent('../roles/linked.json')
}

resource roles 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [
  for role in items(definitions): {
    name: guid(subscription().id, environmentName, role.key)
    properties: {
      roleName: '${role.value.name} (${environmentName})'
      description: role.value.description
      type: 'CustomRole'
      permissions: [
        {
          actions: map(items(role.value.actions), action => action.key)
          notActions: []
        }
      ]
      assignableScopes: map(subscriptionIds, id => '/subscriptions/${id}')
    }
  }
]

@description('Names of the roles, GUIDs, by the names of their files; they are known by them in every subscription.')
output names object = {
  observe: guid(subscription().id, environmentName, 'observe')
  drill: guid(subscription().id, environmentName, 'drill')
  failover: guid(subscription().id, environmentName, 'failover')
  protect: guid(subscription().id, environmentName, 'protect')
  linked: guid(subscription().id, environmentName, 'linked')
}
