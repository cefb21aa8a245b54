metadata description = 'Custom roles of exactly the actions that each identity needs; the lists, and why, lie in ../roles.'

targetScope = 'subscription'

@description('Required. Name of the environment; role names are unique in a tenant.')
param environmentName string

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
      assignableScopes: [subscription().id]
    }
  }
]

@description('Ids of the roles by the names of their files.')
output ids object = {
  observe: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', guid(subscription().id, environmentName, 'observe'))
  drill: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', guid(subscription().id, environmentName, 'drill'))
  failover: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', guid(subscription().id, environmentName, 'failover'))
  protect: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', guid(subscription().id, environmentName, 'protect'))
  linked: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', guid(subscription().id, environmentName, 'linked'))
}
